//! `strongroom audit search` and `export`.

use std::fs::File;
use std::io::{BufWriter, ErrorKind, Write};
use std::path::PathBuf;

use clap::Args;

use super::super::client::{Client, encode};
use super::super::output::{complain, show, time};
use super::super::{Done, Reach};
use super::{ROLES, none, records};
use crate::admin::types::AuditPage;
use crate::errors::{self, Exit, Fault};

/// Which records are wanted. All given conditions must hold.
#[derive(Args)]
pub struct Wanted {
    /// Only from this time on: 2026-11-24, 2026-11-24T07:00:00Z, or so long ago: 30m, 24h, 7d.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<i64>,
    /// Only before this time.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<i64>,
    /// Only of this user.
    #[arg(long)]
    user: Option<String>,
    /// Only about this object.
    #[arg(long)]
    object: Option<String>,
    /// Only of this operation or event.
    #[arg(long)]
    operation: Option<String>,
}

impl Wanted {
    fn query(&self, user: &str) -> String {
        let number = |n: Option<i64>| n.map(|n| n.to_string());
        let parts = [
            (user, self.user.clone()),
            ("object", self.object.clone()),
            ("operation", self.operation.clone()),
            ("since", number(self.since)),
            ("until", number(self.until)),
        ];
        let given = parts.into_iter().filter_map(|(name, value)| Some((name, value?)));
        given.map(|(name, value)| format!("&{name}={}", encode(&value))).collect()
    }

    /// What is wanted, for people.
    fn words(&self) -> [(&'static str, Option<String>); 5] {
        [
            ("of user", self.user.clone()),
            ("of operation", self.operation.clone()),
            ("about object", self.object.clone()),
            ("since", self.since.map(time)),
            ("before", self.until.map(time)),
        ]
    }
}

/// Records that match, the newest ones.
#[derive(Args)]
pub struct Search {
    /// At most so many.
    #[arg(short = 'n', long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1000))]
    lines: u16,
    #[command(flatten)]
    wanted: Wanted,
    #[command(flatten)]
    reach: Reach,
}

impl Search {
    pub fn run(self) -> Done {
        let client = Client::new(&self.reach, ROLES)?;
        let query = self.wanted.query("actor");
        let page: AuditPage = client.get(&format!("/v1/audit?limit={}{query}", self.lines))?;
        show(self.reach.output, &page, |p| {
            let mut text = records(&p.records, self.wanted.words());
            if p.before.is_some() {
                text.push_str("There are older ones that match.\n");
            }
            text
        })?;
        Ok(Exit::Ok)
    }
}

/// Write records as lines, in a format that a SIEM reads. Oldest first.
#[derive(Args)]
pub struct Export {
    /// What a line looks like.
    #[arg(long, default_value = "json", value_parser = ["json", "ocsf", "cef", "leef", "rfc5424"])]
    format: String,
    #[command(flatten)]
    wanted: Wanted,
    /// Write to this new file, mode 0600, instead of standard output.
    #[arg(long = "to", value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    reach: Reach,
}

impl Export {
    pub fn run(self) -> Done {
        let client = Client::new(&self.reach, ROLES)?;
        let query = self.wanted.query("user");
        let path = format!("/v1/audit/export?format={}{query}", self.format);
        let Some(file) = &self.file else {
            let mut out = std::io::stdout().lock();
            let (mut gone, mut written) = (false, 0);
            client.download(&path, |bytes| {
                written += bytes.len();
                // A reader that has left (`| head`) is no fault of ours.
                gone |= !gone && out.write_all(bytes).is_err();
                Ok(())
            })?;
            let _ = out.flush();
            self.tell_if_none(written);
            return Ok(Exit::Ok);
        };
        let failed =
            |e: std::io::Error| Fault::new(errors::INPUT, format!("{}: {e}.", file.display()));
        let mut out = BufWriter::new(create(file).map_err(|e| match e.kind() {
            ErrorKind::AlreadyExists => {
                Fault::new(errors::FILE_EXISTS, format!("It is {}.", file.display()))
            }
            _ => failed(e),
        })?);
        let mut length = 0;
        let written = client
            .download(&path, |bytes| {
                length += bytes.len();
                out.write_all(bytes).map_err(failed)
            })
            .and_then(|()| out.flush().and_then(|()| out.get_ref().sync_all()).map_err(failed));
        if written.is_err() {
            // A part of an audit must not pass for the whole, nor stand in the way of the next try.
            let _ = std::fs::remove_file(file);
        }
        written?;
        self.tell_if_none(length);
        Ok(Exit::Ok)
    }

    /// Beside the lines, which are for programs.
    fn tell_if_none(&self, written: usize) {
        if written == 0 {
            complain(&none(self.wanted.words()));
        }
    }
}

fn create(path: &std::path::Path) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    File::options().write(true).create_new(true).mode(0o600).open(path)
}

/// A moment as milliseconds since the Unix epoch.
fn moment(text: &str) -> Result<i64, String> {
    let now = jiff::Timestamp::now().as_millisecond();
    if let Some(ago) = crate::config::parse_duration(text) {
        return Ok(now - i64::try_from(ago.as_millis()).unwrap_or(i64::MAX));
    }
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Ok(time.as_millisecond());
    }
    format!("{text}T00:00:00Z")
        .parse::<jiff::Timestamp>()
        .map(|time| time.as_millisecond())
        .map_err(|_| "a time is 2026-11-24, 2026-11-24T07:00:00Z or 24h".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_date_a_time_or_an_age() {
        assert_eq!(moment("1970-01-02"), Ok(86_400_000));
        assert_eq!(moment("1970-01-01T00:00:01Z"), Ok(1000));
        let ago = jiff::Timestamp::now().as_millisecond() - moment("2h").unwrap();
        assert!((7_200_000..7_260_000).contains(&ago), "{ago}");
        assert!(moment("yesterday").is_err() && moment("").is_err());
    }
}
