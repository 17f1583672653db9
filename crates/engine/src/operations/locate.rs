//! Locate (KMIP 1.4 section 4.9, KMIP 2.1 section 6.1.30).

use std::ops::ControlFlow;

use strongroom_kmip::{
    Attribute, AttributeName, AttributeSet, ObjectGroupMember, Operation, StorageStatusMask, Tag,
    UniqueIdentifierEnum, Value, View,
};
use strongroom_model::{Lifecycle, ManagedObject, ObjectId};
use strongroom_store::{Candidates, Order};

use super::create::read_set;
use crate::attributes::Shown;
use crate::context::Ctx;
use crate::refusal::Refusal;

/// What a Locate asks for.
struct Query {
    filters: Vec<Filter>,
    storage: StorageStatusMask,
    member: Option<ObjectGroupMember>,
    offset: Option<usize>,
    maximum: Option<usize>,
}

/// A condition on one attribute: a value, or a range for dates that are given twice.
struct Filter {
    name: AttributeName,
    values: Vec<Value>,
}

/// Attributes that are searched as ranges when given twice, and in any form of mask when a mask.
fn is_date(value: &Value) -> bool {
    matches!(value, Value::DateTime(_) | Value::DateTimeExtended(_) | Value::Interval(_))
}

pub(super) fn locate(ctx: &mut Ctx<'_, '_>, payload: View<'_>) -> Result<(), Refusal> {
    let query = Query::read(payload)?;
    let (found, total) = query.run(ctx)?;
    ctx.note("found", total.to_string());
    if query.offset.is_some() {
        // A client that pages is told how many there are (since 1.3; the encoder leaves it out
        // before).
        ctx.out.integer(Tag::LOCATED_ITEMS, i32::try_from(total).unwrap_or(i32::MAX));
    }
    for id in &found {
        ctx.out.text(Tag::UNIQUE_IDENTIFIER, id.as_str());
    }
    // A later item of the batch goes on only when there is one of it: what an earlier item left
    // must not stand for it.
    match found.as_slice() {
        [only] => {
            ctx.leave(Some(UniqueIdentifierEnum::LOCATE), only);
            ctx.trail.object = Some(only.as_str().to_owned());
        }
        _ => ctx.leave_nothing(),
    }
    Ok(())
}

impl Query {
    fn read(payload: View<'_>) -> Result<Self, Refusal> {
        let number = |tag| -> Result<Option<usize>, Refusal> {
            let Some(view) = payload.find(tag) else { return Ok(None) };
            let value = view.as_integer().and_then(|n| usize::try_from(n).ok());
            value.map(Some).ok_or_else(|| Refusal::invalid_field(format!("{tag} is negative")))
        };
        let mask = payload
            .find(Tag::STORAGE_STATUS_MASK)
            .and_then(|v| v.as_integer())
            .map_or(StorageStatusMask::ON_LINE_STORAGE, |m| StorageStatusMask(m as u32));
        Ok(Self {
            filters: Filter::group(read_set(AttributeSet::Own, payload)?),
            storage: mask,
            member: payload
                .find(Tag::OBJECT_GROUP_MEMBER)
                .and_then(|v| v.as_enumeration())
                .map(ObjectGroupMember),
            offset: number(Tag::OFFSET_ITEMS)?,
            maximum: number(Tag::MAXIMUM_ITEMS)?.filter(|n| *n > 0),
        })
    }

    /// The page that was asked for, and how many there are: in all, when the client pages.
    fn run(&self, ctx: &Ctx<'_, '_>) -> Result<(Vec<ObjectId>, usize), Refusal> {
        if self.member == Some(ObjectGroupMember::GROUP_MEMBER_DEFAULT) {
            let default = self.default_member(ctx)?;
            let total = default.iter().len();
            return Ok((default.into_iter().collect(), total));
        }
        let mut page = Vec::new();
        let mut total = 0;
        let first = self.offset.unwrap_or(0);
        let mut visit = |object: ManagedObject| {
            if self.matches(ctx, &object) && ctx.may(Operation::LOCATE, &object) {
                if total >= first && self.maximum.is_none_or(|max| page.len() < max) {
                    page.push(object.id);
                }
                total += 1;
            }
            // Only a client that pages needs to know how many there are beyond its page.
            if self.offset.is_none() && self.maximum == Some(page.len()) {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        };
        // Fresh members are handed out in the order in which they came.
        let order = if self.member.is_some() { Order::Oldest } else { Order::Newest };
        self.scan(ctx, order, &mut visit)?;
        Ok((page, total))
    }

    fn scan(
        &self,
        ctx: &Ctx<'_, '_>,
        order: Order,
        mut visit: impl FnMut(ManagedObject) -> ControlFlow<()>,
    ) -> Result<(), Refusal> {
        let candidates = self.candidates();
        match &ctx.tx {
            Some(tx) => tx.scan(&candidates, order, &mut visit)?,
            None => ctx.engine.store.read(|tx| tx.scan(&candidates, order, &mut visit))?,
        }
        Ok(())
    }

    /// The default member of a group, which is the server's to choose: the oldest that was never
    /// given out, else the oldest.
    fn default_member(&self, ctx: &Ctx<'_, '_>) -> Result<Option<ObjectId>, Refusal> {
        let (mut fresh, mut oldest) = (None, None);
        self.scan(ctx, Order::Oldest, |object| {
            if !self.matches(ctx, &object) || !ctx.may(Operation::LOCATE, &object) {
                return ControlFlow::Continue(());
            }
            if ctx.is_fresh(&object) {
                fresh = Some(object.id);
                return ControlFlow::Break(());
            }
            oldest.get_or_insert(object.id);
            ControlFlow::Continue(())
        })?;
        Ok(fresh.or(oldest))
    }

    /// The narrowest beginning that an index offers.
    fn candidates(&self) -> Candidates {
        let identifier = AttributeName::Standard(Tag::UNIQUE_IDENTIFIER);
        for filter in &self.filters {
            if filter.name == identifier
                && let Some(text) = filter.values.first().and_then(Value::as_text)
            {
                return Candidates::Ids(vec![ObjectId::from(text)]);
            }
        }
        let name = AttributeName::Standard(Tag::NAME);
        let by_index = |f: &&Filter| {
            Candidates::indexed(&f.name)
                && f.values.len() == 1
                // Other structures may be given in part, which an index cannot find.
                && (f.name == name || !matches!(f.values[0], Value::Structure(_)))
        };
        let best = self.filters.iter().filter(by_index).min_by_key(|f| u8::from(f.name != name));
        match best {
            Some(filter) => Candidates::WithValue(filter.name.clone(), filter.values[0].clone()),
            None => Candidates::All,
        }
    }

    fn matches(&self, ctx: &Ctx<'_, '_>, object: &ManagedObject) -> bool {
        let destroyed = object.lifecycle == Lifecycle::Destroyed;
        let wanted = if destroyed {
            StorageStatusMask::DESTROYED_STORAGE
        } else if object.is_archived() {
            StorageStatusMask::ARCHIVAL_STORAGE
        } else {
            StorageStatusMask::ON_LINE_STORAGE
        };
        if self.storage.0 & wanted.0 == 0 {
            return false;
        }
        if self.member == Some(ObjectGroupMember::GROUP_MEMBER_FRESH) && !ctx.is_fresh(object) {
            return false;
        }
        let shown = ctx.shown(object);
        self.filters.iter().all(|filter| filter.matches(&shown))
    }
}

impl Filter {
    /// Values of the same attribute together.
    fn group(attributes: Vec<Attribute>) -> Vec<Self> {
        let mut filters: Vec<Self> = Vec::new();
        for attribute in attributes {
            let together = is_date(&attribute.value);
            match filters.iter_mut().find(|f| together && f.name == attribute.name) {
                Some(filter) => filter.values.push(attribute.value),
                None => {
                    filters.push(Self { name: attribute.name, values: vec![attribute.value] });
                }
            }
        }
        filters
    }

    fn matches(&self, shown: &Shown<'_>) -> bool {
        let instances = shown.instances(&self.name);
        match self.values.as_slice() {
            [low, high, ..] => instances.iter().any(|(_, v)| {
                let (low, high) = if low <= high { (low, high) } else { (high, low) };
                low <= v && v <= high
            }),
            // Deprecated and without effect here; an object that was given no policy has, for those
            // who still ask, the one that 1.x calls "default".
            [value]
                if instances.is_empty()
                    && self.name == AttributeName::Standard(Tag::OPERATION_POLICY_NAME) =>
            {
                value.as_text() == Some("default")
            }
            [value] => instances.iter().any(|(_, v)| self.equals(value, v)),
            [] => true,
        }
    }

    fn equals(&self, wanted: &Value, found: &Value) -> bool {
        match (wanted, found) {
            // A mask asks for its bits, whatever else is set.
            (Value::Integer(wanted), Value::Integer(found))
                if matches!(
                    self.name,
                    AttributeName::Standard(
                        Tag::CRYPTOGRAPHIC_USAGE_MASK | Tag::PROTECTION_STORAGE_MASK
                    )
                ) =>
            {
                wanted & found == *wanted
            }
            // A structure asks for the fields that it gives.
            (Value::Structure(wanted), Value::Structure(_)) => wanted
                .iter()
                .all(|field| found.find(field.tag).is_some_and(|f| f.value == field.value)),
            _ => wanted == found,
        }
    }
}
