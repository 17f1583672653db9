//! `strongroom status`.

use clap::Args;

use super::client::Client;
use super::output::{counted, date, pairs, show, time};
use super::{Done, Reach};
use crate::admin::types::{Disk, Health, State, Status as Report};
use crate::errors::Exit;

/// What the server does and what needs attention.
#[derive(Args)]
pub struct Status {
    #[command(flatten)]
    reach: Reach,
}

impl Status {
    pub fn run(self) -> Done {
        let client = Client::new(&self.reach, &["sysadmin", "auditor", "officer"])?;
        let health: Health = client.get("/health")?;
        if health.state != State::Serving {
            show(self.reach.output, &health, closed)?;
            return Ok(Exit::Ok);
        }
        let report: Report = client.get("/v1/status")?;
        show(self.reach.output, &report, people)?;
        Ok(Exit::Ok)
    }
}

/// All that a server tells that is not open, and what to do.
fn closed(health: &Health) -> String {
    let mut rows = vec![("State", health.state.word().to_owned())];
    for why in &health.not_for_production {
        rows.push(("NOT FOR PRODUCTION", why.clone()));
    }
    if let Some(replica) = &health.replica {
        rows.push(("Replica", replica.clone()));
    }
    if let Some(unsealing) = &health.unsealing {
        rows.push(("Opens by", unsealing.slots.join(", ")));
        if unsealing.needed > 0 {
            rows.push(("Shares given", format!("{} of {}", unsealing.given, unsealing.needed)));
        }
    }
    rows.push(("Next", health.state.next().to_owned()));
    pairs(&rows)
}

fn people(s: &Report) -> String {
    let mut rows = vec![("State", s.state.word().to_owned())];
    for why in &s.not_for_production {
        rows.push(("NOT FOR PRODUCTION", why.clone()));
    }
    for warning in &s.warnings {
        rows.push(("Warning", warning.clone()));
    }
    rows.push(("Version", s.version.clone()));
    rows.push(("Site", s.site.to_string()));
    if let Some(replica) = &s.replica {
        rows.push(("Replica", replica.text()));
    }
    if let Some(backup) = &s.backup {
        rows.push(("Backups", backup.text()));
    }
    rows.push(("Started", time(s.started)));
    rows.push(("KMIP", port(&s.kmip)));
    rows.push(("Administration", port(&s.admin)));
    if let Some(objects) = s.objects {
        rows.push(("Objects", objects.to_string()));
    }
    if let Some(epoch) = s.epoch {
        rows.push(("Key epoch", epoch.to_string()));
    }
    for slot in &s.slots {
        rows.push(("Root slot", format!("{} {} {}", slot.id, slot.kind, slot.detail)));
    }
    for chain in &s.chains {
        let short: String = chain.hash.chars().take(16).collect();
        rows.push(("Audit chain", format!("{}: {} records, head {short}", chain.chain, chain.seq)));
    }
    for disk in &s.disks {
        rows.push(("Disk", disk_text(disk)));
    }
    for f in &s.forward {
        let state = match (f.failing, f.connected) {
            (true, _) => "failing",
            (false, true) => "connected",
            (false, false) => "not connected",
        };
        let mut text = format!(
            "{} at {}: {state}, {} sent, {} wait ({} s)",
            f.name, f.address, f.sent, f.lag_records, f.lag_seconds
        );
        if let (Some(why), Some(at)) = (&f.last_error, f.last_error_time) {
            text.push_str(&format!(", last error {}: {why}", time(at)));
        }
        rows.push(("Forwarding", text));
    }
    rows.push((
        "Key memory",
        format!(
            "{}, {} KiB locked, {} secrets; {}",
            s.memory.backing,
            s.memory.bytes_locked / 1024,
            s.memory.secrets,
            if s.memory.all_locked {
                "no memory is swapped"
            } else {
                "other memory may be swapped"
            },
        ),
    ));
    if let (waiting @ 1.., Some(oldest)) = (s.approvals.waiting, s.approvals.oldest) {
        rows.push(("Approvals", format!("{waiting} wait, the oldest since {}", time(oldest))));
    }
    if let Some(end) = s.certificate_ends {
        rows.push(("Certificate ends", date(end)));
    }
    pairs(&rows)
}

fn disk_text(disk: &Disk) -> String {
    format!(
        "{}: {}, {} MiB free, {} MiB in reserve",
        disk.name,
        disk.room.word(),
        disk.free_bytes >> 20,
        disk.reserve_bytes >> 20
    )
}

fn port(p: &crate::admin::types::PortStatus) -> String {
    let mut text = format!("{}, {}", p.listen, counted(p.connections, "connection"));
    if p.handshakes_failed > 0 {
        text.push_str(&format!(", {}", counted(p.handshakes_failed, "failed handshake")));
    }
    if p.refused > 0 {
        text.push_str(&format!(", {} refused", p.refused));
    }
    text
}
