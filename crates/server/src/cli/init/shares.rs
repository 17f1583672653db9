//! Handing recovery shares out: on the terminal or to private files, never to a pipe or a log.

use std::path::Path;

use super::super::output::complain;
use super::super::prompt::Terminal;
use crate::admin::types::SecretText;
use crate::errors::{self, Fault};
use crate::pki;

/// Hands shares out: to new private files in `dir`, or one after the other on the terminal.
/// Never to a pipe or a log.
pub fn show_shares(
    shares: &[SecretText],
    dir: Option<&Path>,
    encrypted: bool,
) -> Result<(), Fault> {
    if let Some(dir) = dir {
        return write_shares(shares, dir, encrypted);
    }
    let mut terminal = Terminal::of_output()
        .ok_or_else(|| Fault::new(errors::INPUT, "There is no terminal to show shares on."))?;
    let asks = Terminal::of_input().is_some();
    for (i, share) in shares.iter().enumerate() {
        terminal.show(&format!(
            "\nShare {} of {}:\n\n{}\n\n",
            i + 1,
            shares.len(),
            share.reveal()
        ))?;
        if asks {
            terminal.ask("Press Enter when its custodian has written it down. ")?;
            // Clear the screen and what can be scrolled back to.
            terminal.show("\x1b[2J\x1b[3J\x1b[H")?;
        }
    }
    Ok(())
}

/// Writes shares to new private files.
pub fn write_shares(shares: &[SecretText], dir: &Path, encrypted: bool) -> Result<(), Fault> {
    pki::private_dir(dir)?;
    for (i, share) in shares.iter().enumerate() {
        let name = if encrypted { "age" } else { "txt" };
        let path = dir.join(format!("share-{}-of-{}.{name}", i + 1, shares.len()));
        let text = zeroize::Zeroizing::new(format!("{}\n", share.reveal()));
        pki::write_private(&path, text.as_bytes())?;
    }
    shares_lie_in(dir);
    Ok(())
}

/// Warns of the shares that are in a directory, if there are any.
pub fn shares_lie_in(dir: &Path) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    let is_share = |name: &str| {
        let name = name.strip_prefix("share-").unwrap_or_default();
        name.ends_with(".txt") || name.ends_with(".age")
    };
    let count = entries.flatten().filter(|e| e.file_name().to_str().is_some_and(is_share)).count();
    if count == 0 {
        return;
    }
    let (these, are) = if count == 1 { ("share", "is") } else { ("shares", "are") };
    complain(&format!(
        "WARNING: {count} recovery {these} {are} in {}. Move each to another person's keeping, \
         off this machine, and delete them here.",
        dir.display()
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_go_to_private_files() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let shares = [SecretText::new("a".into()), SecretText::new("b".into())];
        let target = dir.path().join("shares");
        write_shares(&shares, &target, false).unwrap();
        let file = target.join("share-2-of-2.txt");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "b\n");
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(write_shares(&shares, &target, false).is_err());
    }
}
