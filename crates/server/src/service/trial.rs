//! What goes around an admin request: trying it, remembering its answer, and making a change only if
//! its object is still what somebody saw.

use std::sync::Arc;

use strongroom_engine::{Mark, Rehearsal};

use super::Manager;
use super::engine::EngineManager;
use crate::errors::Fault;

/// What goes around the changes that a key manager makes.
#[derive(Clone, Debug, Default)]
pub struct Around {
    /// Only try them.
    pub rehearse: bool,
    /// Keep this with the first.
    pub mark: Option<Arc<Mark>>,
    /// Make them only if the object with this identifier is the version with this tag.
    pub only_if: Option<(String, String)>,
}

/// An answer that was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// Tells the request from others.
    pub request: Vec<u8>,
    /// The answer; none if it was lost.
    pub answer: Option<Vec<u8>>,
}

/// What the admin API needs of a key manager about trying and repeating.
pub trait Trials {
    /// The same key manager, with this around its changes.
    fn around(&self, around: &Around) -> Result<Arc<dyn Manager>, Fault>;
    /// The notes of the rehearsal that this key manager is for, if it is for one.
    fn rehearses(&self) -> Option<&Rehearsal>;
    /// What is known of the request with this name.
    fn answered(&self, name: &str) -> Result<Option<Answered>, Fault>;
    /// A mark for a request with this name, which is about to be carried out.
    fn answer_mark(&self, name: &str, request: &[u8]) -> Result<Arc<Mark>, Fault>;
    /// Keeps the answer to it.
    fn keep_answer(&self, name: &str, request: &[u8], answer: &[u8]) -> Result<(), Fault>;
}

impl Trials for EngineManager {
    fn around(&self, around: &Around) -> Result<Arc<dyn Manager>, Fault> {
        let mut engine = self.engine.clone();
        if let Some(mark) = &around.mark {
            engine = engine.marking(mark.clone());
        }
        if let Some((id, tag)) = &around.only_if {
            engine = engine.only_if(id, tag);
        }
        if around.rehearse {
            engine = engine.rehearsal().0;
        }
        Ok(Arc::new(Self { engine, shared: self.shared.clone() }))
    }

    fn rehearses(&self) -> Option<&Rehearsal> {
        self.engine.rehearses()
    }

    fn answered(&self, name: &str) -> Result<Option<Answered>, Fault> {
        let kept = self.engine.kept_answer(name)?;
        Ok(kept.map(|kept| Answered { request: kept.request, answer: kept.answer }))
    }

    fn answer_mark(&self, name: &str, request: &[u8]) -> Result<Arc<Mark>, Fault> {
        Ok(self.engine.answer_mark(name, request)?)
    }

    fn keep_answer(&self, name: &str, request: &[u8], answer: &[u8]) -> Result<(), Fault> {
        Ok(self.engine.keep_answer(name, request, answer)?)
    }
}
