//! Both chains as sources of events for collectors: what goes to a SIEM and what an export writes.
//!
//! Only what is flushed is told: a record that a crash takes back must not stand in a collector.

use std::collections::VecDeque;
use std::iter::Peekable;
use std::sync::{Arc, Weak};

use strongroom_journal::Records;
use strongroom_siem::{Device, Event, Outcome, Source, SourceError};

use crate::engine::{Engine, Inner};
use crate::error::EngineError;
use crate::trail::{AuditEntry, AuditFilter, change_entry, use_entry};

/// Journal records read at once.
const PAGE: u32 = 512;

/// A line of the audit as an event. Its id is made of chain, number and hash, so that it is the
/// same whenever and wherever it is sent.
pub fn siem_event(device: &Arc<Device>, entry: AuditEntry) -> Event {
    let mut event = Event::new(device, entry.chain, entry.seq, entry.time_ms, entry.hash);
    let (outcome, reason) = Outcome::of(&entry.result);
    event.outcome = outcome;
    event.reason = reason.to_owned();
    event.kind = entry.kind;
    event.user = entry.user;
    event.certificate = entry.fingerprint;
    event.address = entry.address;
    event.action = entry.action;
    event.object = entry.object;
    event.rule = entry.rule;
    event.micros = entry.micros;
    event.detail = entry.parameters;
    if !entry.message.is_empty() {
        event.detail.push(("message".to_owned(), entry.message));
    }
    event
}

type Entries = Box<dyn Iterator<Item = Result<AuditEntry, SourceError>> + Send>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    Changes,
    Uses,
}

/// One chain. It does not keep the engine alive: a worker that hangs must not either.
#[derive(Clone)]
struct Chain {
    which: Which,
    engine: Weak<Inner>,
}

fn gone() -> SourceError {
    SourceError("the key manager is sealed or stopped".to_owned())
}

fn failed(error: impl std::fmt::Display) -> SourceError {
    SourceError(error.to_string())
}

impl Chain {
    fn head(&self) -> Result<u64, SourceError> {
        let inner = self.engine.upgrade().ok_or_else(gone)?;
        let unsealed = inner.unsealed().ok_or_else(gone)?;
        Ok(match self.which {
            Which::Changes => inner.store.head().seq,
            Which::Uses => unsealed.uses_status().flushed.seq,
        })
    }

    fn entries(&self, from: u64) -> Result<Entries, SourceError> {
        let inner = self.engine.upgrade().ok_or_else(gone)?;
        let unsealed = inner.unsealed().ok_or_else(gone)?;
        Ok(match self.which {
            Which::Changes => Box::new(Changes {
                engine: self.engine.clone(),
                next: from.max(1),
                page: VecDeque::new(),
            }),
            Which::Uses => {
                let records = unsealed.uses().flushed_reader().records(from).map_err(failed)?;
                Box::new(Uses(records))
            }
        })
    }
}

struct Uses(Records);

impl Iterator for Uses {
    type Item = Result<AuditEntry, SourceError>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.0.next()?.map(|record| use_entry(&record)).map_err(failed))
    }
}

struct Changes {
    engine: Weak<Inner>,
    next: u64,
    page: VecDeque<AuditEntry>,
}

impl Changes {
    fn read(&mut self) -> Result<(), SourceError> {
        let inner = self.engine.upgrade().ok_or_else(gone)?;
        // A row may be in the database before its commit is known to be on disk.
        let head = inner.store.head().seq;
        let limit = u32::try_from((head + 1).saturating_sub(self.next)).unwrap_or(PAGE).min(PAGE);
        if limit == 0 {
            return Ok(());
        }
        let site = inner.config.site;
        let records = inner.store.read(|tx| tx.journal(site, self.next, limit));
        let records = records.map_err(|e: strongroom_store::StoreError| failed(e))?;
        self.page.extend(records.iter().map(change_entry));
        Ok(())
    }
}

impl Iterator for Changes {
    type Item = Result<AuditEntry, SourceError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.page.is_empty()
            && let Err(error) = self.read()
        {
            return Some(Err(error));
        }
        let entry = self.page.pop_front()?;
        self.next = entry.seq + 1;
        Some(Ok(entry))
    }
}

/// A chain's events, as a forwarder takes them.
struct Events {
    chain: Chain,
    device: Arc<Device>,
}

impl Source for Events {
    fn chain(&self) -> &str {
        match self.chain.which {
            Which::Changes => "changes",
            Which::Uses => "uses",
        }
    }

    fn head(&self) -> Result<u64, SourceError> {
        self.chain.head()
    }

    fn events(
        &self,
        from: u64,
    ) -> Result<Box<dyn Iterator<Item = Result<Event, SourceError>> + Send>, SourceError> {
        let device = self.device.clone();
        let entries = self.chain.entries(from)?;
        Ok(Box::new(entries.map(move |entry| Ok(siem_event(&device, entry?)))))
    }
}

/// The entries of both chains that a filter wants, in the order of time.
struct Merged {
    chains: [Peekable<Entries>; 2],
    filter: AuditFilter,
    ended: bool,
}

impl Iterator for Merged {
    type Item = Result<AuditEntry, EngineError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            let [a, b] = &mut self.chains;
            let order = |entry: &Result<AuditEntry, SourceError>| match entry {
                Ok(entry) => (entry.time_ms, entry.chain, entry.seq),
                // An error comes at once.
                Err(_) => (i64::MIN, "", 0),
            };
            let first = match (a.peek().map(order), b.peek().map(order)) {
                (None, None) => break,
                (Some(x), Some(y)) if y < x => b.next(),
                (None, Some(_)) => b.next(),
                _ => a.next(),
            };
            match first? {
                Ok(entry) if self.filter.wants(&entry) => return Some(Ok(entry)),
                Ok(_) => {}
                Err(error) => {
                    self.ended = true;
                    return Some(Err(EngineError::Audit(error.0)));
                }
            }
        }
        None
    }
}

impl Engine {
    fn chain(&self, which: Which) -> Chain {
        Chain { which, engine: self.inner.this.clone() }
    }

    /// Both chains as sources of events: changes, then uses.
    pub fn audit_sources(&self, device: &Arc<Device>) -> Vec<Arc<dyn Source>> {
        [Which::Changes, Which::Uses]
            .map(|which| -> Arc<dyn Source> {
                Arc::new(Events { chain: self.chain(which), device: device.clone() })
            })
            .into()
    }

    /// Every entry that the filter wants, oldest first, up to the ends that the chains have now.
    /// Holds a page in memory, not the audit.
    ///
    /// # Errors
    /// [`EngineError::Sealed`], or chains that cannot be read; an error while reading is the last
    /// item.
    pub fn audit_entries(
        &self,
        filter: AuditFilter,
    ) -> Result<impl Iterator<Item = Result<AuditEntry, EngineError>> + Send + use<>, EngineError>
    {
        Ok(self.newest_entries(filter, u64::MAX)?.0)
    }

    /// As [`Engine::audit_entries`], of the newest `most` records of each chain; and the numbers of
    /// the first of these, of changes and of uses.
    pub(crate) fn newest_entries(
        &self,
        filter: AuditFilter,
        most: u64,
    ) -> Result<
        (impl Iterator<Item = Result<AuditEntry, EngineError>> + Send + use<>, [u64; 2]),
        EngineError,
    > {
        let unsealed = self.inner.unsealed().ok_or(EngineError::Sealed)?;
        let unreadable = |e: &dyn std::fmt::Display| EngineError::Audit(e.to_string());
        unsealed.uses().flush().map_err(|e| unreadable(&e))?;
        let open = |which| {
            let chain = self.chain(which);
            // What is recorded meanwhile would keep a slow reader busy for ever.
            let end = chain.head().map_err(|e| unreadable(&e))?;
            let from = (end + 1).saturating_sub(most).max(1);
            let entries = chain.entries(from).map_err(|e| unreadable(&e))?;
            let within = move |entry: &Result<AuditEntry, SourceError>| {
                entry.as_ref().map_or(true, |entry| entry.seq <= end)
            };
            let entries = (Box::new(entries.take_while(within)) as Entries).peekable();
            Ok::<_, EngineError>((entries, from))
        };
        let ((changes, first), (uses, first_use)) = (open(Which::Changes)?, open(Which::Uses)?);
        Ok((Merged { chains: [changes, uses], filter, ended: false }, [first, first_use]))
    }
}
