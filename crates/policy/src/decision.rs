//! What was decided.

use std::borrow::Cow;
use std::sync::Arc;

/// What was decided, and by which rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether it may be done.
    pub allowed: bool,
    rule: Rule,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    Builtin(&'static str),
    /// Shared with the cache, so that a decision that is known costs no copy.
    Own(Arc<str>),
}

impl Decision {
    pub(crate) const fn allow(rule: &'static str) -> Self {
        Self { allowed: true, rule: Rule::Builtin(rule) }
    }

    pub(crate) const fn deny(rule: &'static str) -> Self {
        Self { allowed: false, rule: Rule::Builtin(rule) }
    }

    pub(crate) fn by_own(allowed: bool, rule: Arc<str>) -> Self {
        Self { allowed, rule: Rule::Own(rule) }
    }

    /// The rule that decided: one of [`crate::rule`], or `policy:` and the id of a rule of the
    /// installation's own.
    pub fn rule(&self) -> &str {
        match &self.rule {
            Rule::Builtin(name) => name,
            Rule::Own(name) => name,
        }
    }

    /// The same, without a copy where the rule is built in.
    pub fn rule_text(&self) -> Cow<'static, str> {
        match &self.rule {
            Rule::Builtin(name) => Cow::Borrowed(name),
            Rule::Own(name) => Cow::Owned(name.to_string()),
        }
    }
}
