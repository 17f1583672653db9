//! The table of errors ([`strongroom_errors`]), and an error of it that occurred.

use core::fmt;

pub use strongroom_errors::*;

/// An error of the table together with what is particular about this occurrence.
///
/// The detail is shown to the caller: it never holds secrets.
#[derive(Clone, Debug)]
pub struct Fault {
    /// The row.
    pub info: &'static ErrorInfo,
    /// What is particular; empty if there is nothing to add.
    pub detail: String,
    /// The rule that decided, where that is a narrower one than the door's: for the record.
    pub rule: Option<String>,
    /// The object that it is about, where the request does not say: for the record.
    pub object: Option<String>,
}

impl Fault {
    /// A fault with a detail.
    pub fn new(info: &'static ErrorInfo, detail: impl Into<String>) -> Self {
        Self { info, detail: detail.into(), rule: None, object: None }
    }

    /// A [`BAD_REQUEST`] with a detail.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(BAD_REQUEST, detail)
    }
}

impl From<&'static ErrorInfo> for Fault {
    fn from(info: &'static ErrorInfo) -> Self {
        Self::new(info, String::new())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.info.message)?;
        if !self.detail.is_empty() {
            write!(f, " {}", self.detail)?;
        }
        Ok(())
    }
}

impl core::error::Error for Fault {}
