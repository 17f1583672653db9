//! `strongroom key expiring`.

use clap::Args;

use super::READERS;
use crate::admin::types::ExpiringRow;
use crate::cli::change::table_or;
use crate::cli::client::Client;
use crate::cli::output::{cut, show, time};
use crate::cli::period::period;
use crate::cli::{Done, Reach};
use crate::errors::Exit;

/// What comes of keys by their dates: activation, protect stop, deactivation, rotation, archival,
/// destruction.
#[derive(Args)]
pub struct Expiring {
    /// Within so long: 30d, 12h, 1y.
    #[arg(long, value_name = "PERIOD", value_parser = period, default_value = "30d")]
    within: i64,
    #[command(flatten)]
    reach: Reach,
}

impl Expiring {
    pub fn run(self) -> Done {
        let client = Client::new(&self.reach, READERS)?;
        let rows: Vec<ExpiringRow> = client.all(&format!("/v1/expiring?within={}", self.within))?;
        show(self.reach.output, &rows, |rows| text(rows))?;
        Ok(Exit::Ok)
    }
}

/// Two lines for each: identifiers must be whole.
fn text(rows: &[ExpiringRow]) -> String {
    let mut cells = Vec::new();
    for row in rows {
        let at = time(row.at.saturating_mul(1000));
        cells.push(vec![at, row.comes.clone(), row.key.id.clone()]);
        let whose = format!("{} of {}", cut(&row.key.name, 22), cut(&row.key.owner, 12));
        cells.push(vec![String::new(), String::new(), whose]);
    }
    let none = "No date of a key comes within that time. Look further with --within 1y.";
    table_or(&["When", "What", "Id, name"], &cells, none)
}
