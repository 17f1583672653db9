//! What approvals are judged by beside the store: the time, and authorities' lists of revoked
//! certificates, which are files that the server reads.

use std::sync::Arc;

use strongroom_model::{Given, Reading};

use crate::engine::{Engine, Inner};

/// Lists of revoked certificates.
pub trait RevocationLists: Send + Sync {
    /// Why a request that comes with this certificate is refused by them at `now`, POSIX seconds, if
    /// it is. `issuer` is the name of who signed it, DER, and `serial` its number, hexadecimal.
    fn refuse(&self, issuer: &[u8], serial: &str, now: i64) -> Option<&'static str>;
}

/// How certificates stand at one time.
#[derive(Clone)]
pub(crate) struct Judge {
    pub(crate) time: Reading,
    lists: Option<Arc<dyn RevocationLists>>,
}

impl Judge {
    /// Why a list refuses the certificate that an approval was given with. Records of earlier builds
    /// do not say whose it was: of those the store alone judges.
    pub(crate) fn listed(&self, given: &Given) -> Option<&'static str> {
        let lists = self.lists.as_ref().filter(|_| !given.issuer.is_empty())?;
        // What may be past its time by one of two clocks is.
        lists.refuse(&given.issuer, &given.serial, self.time.latest())
    }
}

impl Inner {
    pub(crate) fn judge(&self, time: Reading) -> Judge {
        Judge { time, lists: self.lists.read().clone() }
    }
}

impl Engine {
    /// Has approvals judged by these lists from now on, as they are when a request is carried out.
    pub fn judge_by(&self, lists: Arc<dyn RevocationLists>) {
        *self.inner.lists.write() = Some(lists);
    }
}
