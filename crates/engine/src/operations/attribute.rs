//! Attributes: Get Attributes, Get Attribute List, Add, Modify, Set, Adjust, Delete Attribute.

use strongroom_kmip::{
    AdjustmentType, Attribute, AttributeError, AttributeName, ResultReason, Tag, Value, View,
};
use strongroom_model::{AttributeKey, Change, ChangeKind, Lifecycle, ManagedObject, ObjectId};

use super::create::{check_name, usage_limits};
use crate::attributes::{check_date_rules, read_only, single_valued};
use crate::context::Ctx;
use crate::refusal::Refusal;

/// Get Attributes (KMIP 2.1 section 6.1.24). Attributes that the object lacks, and names that
/// nobody knows, are left out without a word: real clients ask for their own.
pub(super) fn get(ctx: &mut Ctx<'_, '_>, payload: View<'_>) -> Result<(), Refusal> {
    let id = ctx.target(payload)?;
    let cached = ctx.load(&id)?;
    let mut asked = Vec::new();
    let mut asked_any = false;
    for item in payload.children() {
        if matches!(item.tag(), Tag::ATTRIBUTE_NAME | Tag::ATTRIBUTE_REFERENCE) {
            asked_any = true;
            match AttributeName::read_reference(item) {
                Ok(name) if asked.contains(&name) => {
                    return Err(Refusal::invalid_message(format!("{name} is asked for twice")));
                }
                Ok(name) => asked.push(name),
                Err(AttributeError::Unknown { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    let shown = ctx.shown(&cached.object);
    let attributes: Vec<Attribute> = if asked_any {
        asked
            .into_iter()
            .flat_map(|name| {
                let instances = shown.instances(&name);
                instances.into_iter().map(move |(index, value)| Attribute {
                    name: name.clone(),
                    index,
                    value,
                })
            })
            .collect()
    } else {
        shown.all()
    };
    let version = ctx.version;
    ctx.out.text(Tag::UNIQUE_IDENTIFIER, id.as_str());
    Attribute::write_all(&attributes, &mut ctx.out, version);
    ctx.leave(None, &id);
    Ok(())
}

/// Get Attribute List (KMIP 2.1 section 6.1.23).
pub(super) fn list(ctx: &mut Ctx<'_, '_>, payload: View<'_>) -> Result<(), Refusal> {
    let id = ctx.target(payload)?;
    let cached = ctx.load(&id)?;
    let names = ctx.shown(&cached.object).names();
    let version = ctx.version;
    ctx.out.text(Tag::UNIQUE_IDENTIFIER, id.as_str());
    for name in names.iter().filter(|n| n.exists_in(version)) {
        name.write_reference(&mut ctx.out, version);
    }
    ctx.leave(None, &id);
    Ok(())
}

/// Add Attribute (KMIP 2.1 section 6.1.2).
pub(super) fn add(ctx: &mut Ctx<'_, '_>, payload: View<'_>) -> Result<(), Refusal> {
    let id = ctx.target(payload)?;
    let (attribute, _) = new_attribute(payload)?;
    let cached = ctx.load(&id)?;
    let object = &cached.object;
    check_alive(object)?;
    may_set(&attribute.name)?;
    let exists = !ctx.shown(object).instances(&attribute.name).is_empty();
    if exists && !attribute.name.is_multi() {
        return Err(single_valued(&attribute.name));
    }
    let value = check_value(ctx, object, &attribute)?;
    if object.instances(&attribute.name).any(|(_, old)| *old == value) {
        return Err(duplicate(&attribute.name));
    }
    let index = object.next_index(&attribute.name);
    let key = new_key(ctx, &attribute.name, index);
    write(ctx, &id, vec![(key, Some(value.clone()))], object)?;
    reply(ctx, &id, Some(Attribute { index, value, ..attribute }));
    Ok(())
}

/// Modify Attribute (KMIP 2.1 section 6.1.32).
pub(super) fn modify(ctx: &mut Ctx<'_, '_>, payload: View<'_>) -> Result<(), Refusal> {
    let id = ctx.target(payload)?;
    let (attribute, index) = new_attribute(payload)?;
    let cached = ctx.load(&id)?;
    let object = &cached.object;
    check_alive(object)?;
    let name = attribute.name.clone();
    let index = match current_attribute(payload)? {
        Some(current) if current.name != name => {
            return Err(Refusal::invalid_field(
                "Current Attribute and New Attribute name different attributes",
            ));
        }
        Some(current) => instance_of(object, &current)?,
        None => index,
    };
    let rule_allows = name.rule().is_none_or(|rule| rule.client_modifies);
    if !rule_allows {
        return Err(read_only(&name));
    }
    let key = object.key_of(&name, index).ok_or_else(|| {
        Refusal::new(
            ResultReason::ATTRIBUTE_NOT_FOUND,
            format!("object {id} has no {name} with index {index}: add it instead"),
        )
    })?;
    let value = check_value(ctx, object, &attribute)?;
    write(ctx, &id, vec![(key, Some(value.clone()))], object)?;
    reply(ctx, &id, Some(Attribute { index, value, ..attribute }));
    Ok(())
}

/// Set Attribute (KMIP 2.1 section 6.1.50): add or replace, for attributes with one instance.
pub(super) fn set(ctx: &mut Ctx<'_, '_>, payload: View<'_>) -> Result<(), Refusal> {
    let id = ctx.target(payload)?;
    let (attribute, _) = new_attribute(payload)?;
    let cached = ctx.load(&id)?;
    let object = &cached.object;
    check_alive(object)?;
    let name = &attribute.name;
    if name.is_multi() {
        return Err(Refusal::new(
            ResultReason::MULTI_VALUED_ATTRIBUTE,
            format!("{name} may have several instances: add or modify it instead"),
        ));
    }
    may_set(name)?;
    let present = !ctx.shown(object).instances(name).is_empty();
    if present && name.rule().is_some_and(|rule| !rule.client_modifies) {
        return Err(read_only(name));
    }
    let value = check_value(ctx, object, &attribute)?;
    let key = object.key_of(name, 0).unwrap_or_else(|| new_key(ctx, name, 0));
    write(ctx, &id, vec![(key, Some(value))], object)?;
    reply(ctx, &id, None);
    Ok(())
}

/// Adjust Attribute (KMIP 2.1 section 6.1.3): numbers and times moved by an amount.
pub(super) fn adjust(ctx: &mut Ctx<'_, '_>, payload: View<'_>) -> Result<(), Refusal> {
    let id = ctx.target(payload)?;
    let name = payload
        .find(Tag::ATTRIBUTE_REFERENCE)
        .ok_or_else(|| Refusal::invalid_field("Attribute Reference is missing"))
        .and_then(|v| Ok(AttributeName::read_reference(v)?))?;
    let adjustment = payload
        .find(Tag::ADJUSTMENT_TYPE)
        .and_then(|v| v.as_enumeration())
        .map(AdjustmentType)
        .ok_or_else(|| Refusal::invalid_field("Adjustment Type is missing"))?;
    let by = payload.find(Tag::ADJUSTMENT_VALUE).map(Value::from);
    let cached = ctx.load(&id)?;
    let object = &cached.object;
    check_alive(object)?;
    if name.rule().is_some_and(|rule| !rule.client_modifies) {
        return Err(read_only(&name));
    }
    let key = object.key_of(&name, 0).ok_or_else(|| {
        Refusal::new(ResultReason::ATTRIBUTE_NOT_FOUND, format!("object {id} has no {name}"))
    })?;
    let old = object.value_of(&name).cloned().unwrap_or(Value::Integer(0));
    let value = adjusted(&old, adjustment, by.as_ref())
        .ok_or_else(|| Refusal::invalid_field(format!("{name} cannot be adjusted like that")))?;
    let attribute = Attribute::new(name, value);
    let value = check_value(ctx, object, &attribute)?;
    write(ctx, &id, vec![(key, Some(value))], object)?;
    reply(ctx, &id, None);
    Ok(())
}

/// The value after an adjustment; none when type, amount or range do not allow it.
fn adjusted(old: &Value, adjustment: AdjustmentType, by: Option<&Value>) -> Option<Value> {
    let amount = match by {
        None => 1,
        Some(Value::Integer(v)) => i64::from(*v),
        Some(Value::LongInteger(v) | Value::DateTime(v) | Value::DateTimeExtended(v)) => *v,
        Some(Value::Interval(v)) => i64::from(*v),
        Some(_) => return None,
    };
    if let Value::Boolean(v) = old {
        return (adjustment == AdjustmentType::NEGATE).then_some(Value::Boolean(!v));
    }
    let number = match old {
        Value::Integer(v) => i64::from(*v),
        Value::LongInteger(v) | Value::DateTime(v) | Value::DateTimeExtended(v) => *v,
        Value::Interval(v) => i64::from(*v),
        _ => return None,
    };
    let result = match adjustment {
        AdjustmentType::INCREMENT => number.checked_add(amount)?,
        AdjustmentType::DECREMENT => number.checked_sub(amount)?,
        AdjustmentType::NEGATE => number.checked_neg()?,
        _ => return None,
    };
    Some(match old {
        Value::Integer(_) => Value::Integer(result.try_into().ok()?),
        Value::Interval(_) => Value::Interval(result.try_into().ok()?),
        Value::LongInteger(_) => Value::LongInteger(result),
        Value::DateTime(_) => Value::DateTime(result),
        _ => Value::DateTimeExtended(result),
    })
}

/// Delete Attribute (KMIP 2.1 section 6.1.15).
pub(super) fn delete(ctx: &mut Ctx<'_, '_>, payload: View<'_>) -> Result<(), Refusal> {
    let id = ctx.target(payload)?;
    let cached = ctx.load(&id)?;
    let object = &cached.object;
    check_alive(object)?;
    let (name, indexes) = doomed(object, payload)?;
    if name.rule().is_some_and(|rule| !rule.client_deletes) {
        return Err(read_only(&name));
    }
    let not_found = || {
        Refusal::new(
            ResultReason::ATTRIBUTE_NOT_FOUND,
            format!("object {id} has no such instance of {name}"),
        )
    };
    if indexes.is_empty() {
        return Err(not_found());
    }
    let mut sets = Vec::new();
    let mut last = None;
    for index in indexes {
        let key = object.key_of(&name, index).ok_or_else(not_found)?;
        let value = object.instances(&name).find(|(i, _)| *i == index).map(|(_, v)| v.clone());
        last = value.map(|value| Attribute { name: name.clone(), index, value });
        sets.push((key, None));
    }
    write(ctx, &id, sets, object)?;
    reply(ctx, &id, last);
    Ok(())
}

/// Which instances a Delete Attribute means.
fn doomed(object: &ManagedObject, payload: View<'_>) -> Result<(AttributeName, Vec<u32>), Refusal> {
    if let Some(current) = current_attribute(payload)? {
        let index = instance_of(object, &current)?;
        return Ok((current.name, vec![index]));
    }
    if let Some(reference) = payload.find(Tag::ATTRIBUTE_REFERENCE) {
        let name = AttributeName::read_reference(reference)?;
        let all = object.instances(&name).map(|(index, _)| index).collect();
        return Ok((name, all));
    }
    let name = payload
        .find(Tag::ATTRIBUTE_NAME)
        .ok_or_else(|| Refusal::invalid_field("the request names no attribute"))?;
    let name = AttributeName::read_reference(name)?;
    let index = payload.find(Tag::ATTRIBUTE_INDEX).and_then(|v| v.as_integer()).unwrap_or(0);
    let index = u32::try_from(index)
        .map_err(|_| Refusal::new(ResultReason::INDEX_OUT_OF_BOUNDS, "negative Attribute Index"))?;
    Ok((name, vec![index]))
}

/// The attribute that a request brings, in either manner, and the index it names (1.x).
fn new_attribute(payload: View<'_>) -> Result<(Attribute, u32), Refusal> {
    let attribute = if let Some(new) = payload.find(Tag::NEW_ATTRIBUTE) {
        one_of(new)?
    } else if let Some(old) = payload.find(Tag::ATTRIBUTE) {
        Attribute::read_1x(old)?
    } else {
        return Err(Refusal::invalid_field("the request brings no attribute"));
    };
    let index = attribute.index;
    Ok((attribute, index))
}

fn current_attribute(payload: View<'_>) -> Result<Option<Attribute>, Refusal> {
    payload.find(Tag::CURRENT_ATTRIBUTE).map(one_of).transpose()
}

fn one_of(structure: View<'_>) -> Result<Attribute, Refusal> {
    let mut children = structure.children();
    match (children.next(), children.next()) {
        (Some(only), None) => Ok(Attribute::read_2x(only)?),
        _ => Err(Refusal::invalid_field(format!("{} must hold one attribute", structure.tag()))),
    }
}

/// The index of the instance that has this value.
fn instance_of(object: &ManagedObject, current: &Attribute) -> Result<u32, Refusal> {
    object
        .instances(&current.name)
        .find(|(_, value)| **value == current.value)
        .map(|(index, _)| index)
        .ok_or_else(|| {
            Refusal::new(
                ResultReason::ATTRIBUTE_INSTANCE_NOT_FOUND,
                format!("object {} has no {} with that value", object.id, current.name),
            )
        })
}

/// The refusal of an instance that the object has already.
fn duplicate(name: &AttributeName) -> Refusal {
    let reason = if *name == AttributeName::Standard(Tag::NAME) {
        ResultReason::NON_UNIQUE_NAME_ATTRIBUTE
    } else {
        ResultReason::INVALID_FIELD
    };
    Refusal::new(reason, format!("the object has that {name} already"))
}

fn new_key(ctx: &Ctx<'_, '_>, name: &AttributeName, index: u32) -> AttributeKey {
    let site = if name.is_multi() { ctx.engine.config.site } else { 0 };
    AttributeKey { name: name.clone(), index, site }
}

fn may_set(name: &AttributeName) -> Result<(), Refusal> {
    match name.rule() {
        Some(rule) if !rule.client_sets => Err(read_only(name)),
        _ => Ok(()),
    }
}

fn check_alive(object: &ManagedObject) -> Result<(), Refusal> {
    if object.lifecycle == Lifecycle::Destroyed {
        return Err(super::life::destroyed(&object.id));
    }
    Ok(())
}

/// What the value must obey beyond its type; gives the value to be stored.
fn check_value(
    ctx: &Ctx<'_, '_>,
    object: &ManagedObject,
    attribute: &Attribute,
) -> Result<Value, Refusal> {
    let AttributeName::Standard(tag) = attribute.name else {
        return check_vendor(attribute);
    };
    let value = &attribute.value;
    match tag {
        Tag::NAME => check_name(ctx, object.owner(), value, Some(&object.id))?,
        Tag::USAGE_LIMITS => return usage_limits(value),
        // Once sensitive, always: a flag that can be taken back protects nothing.
        Tag::SENSITIVE
            if value.as_boolean() == Some(false)
                && object.value(tag).and_then(Value::as_boolean) == Some(true) =>
        {
            return Err(read_only(&attribute.name));
        }
        Tag::EXTRACTABLE
            if value.as_boolean() == Some(true)
                && object.value(tag).and_then(Value::as_boolean) == Some(false) =>
        {
            return Err(read_only(&attribute.name));
        }
        _ => check_date_rules(object, tag, value, ctx.time.latest())?,
    }
    Ok(value.clone())
}

fn check_vendor(attribute: &Attribute) -> Result<Value, Refusal> {
    if matches!(&attribute.name, AttributeName::Vendor { vendor, .. } if vendor == "strongroom") {
        return Err(read_only(&attribute.name));
    }
    Ok(attribute.value.clone())
}

/// Journals changed attribute instances. A date that has come moves the object on at once.
fn write(
    ctx: &mut Ctx<'_, '_>,
    id: &ObjectId,
    mut sets: Vec<(AttributeKey, Option<Value>)>,
    object: &ManagedObject,
) -> Result<(), Refusal> {
    let now = ctx.now();
    let mut after = object.clone();
    for (key, value) in &sets {
        let register = strongroom_model::Register {
            value: value.clone(),
            stamp: strongroom_model::Stamp { hlc: u64::MAX, site: u32::MAX },
        };
        after.set(key, &register);
    }
    let lifecycle = Some(after.lifecycle_at(now)).filter(|l| *l > object.lifecycle);
    sets.push((AttributeKey::single(Tag::LAST_CHANGE_DATE), Some(Value::DateTime(now))));
    let names: Vec<String> = sets.iter().map(|(key, _)| key.name.to_string()).collect();
    ctx.note("attributes", names.join(", "));
    ctx.change(&Change::Changed {
        kind: ChangeKind::Attributes,
        id: id.clone(),
        lifecycle,
        compromised: false,
        sets,
    })
}

/// The reply: in 1.x with the attribute, from 2.0 the identifier alone.
fn reply(ctx: &mut Ctx<'_, '_>, id: &ObjectId, attribute: Option<Attribute>) {
    let version = ctx.version;
    ctx.out.text(Tag::UNIQUE_IDENTIFIER, id.as_str());
    if let Some(attribute) = attribute.filter(|_| !version.has_attributes_structure()) {
        attribute.write(&mut ctx.out, version);
    }
    ctx.leave(None, id);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adjustments_move_numbers_and_times_and_refuse_the_rest() {
        let up = AdjustmentType::INCREMENT;
        assert_eq!(adjusted(&Value::Integer(1), up, None), Some(Value::Integer(2)));
        assert_eq!(adjusted(&Value::Integer(i32::MAX), up, None), None);
        let by = Value::Interval(60);
        assert_eq!(adjusted(&Value::DateTime(1), up, Some(&by)), Some(Value::DateTime(61)));
        let not = AdjustmentType::NEGATE;
        assert_eq!(adjusted(&Value::Boolean(true), not, None), Some(Value::Boolean(false)));
        assert_eq!(adjusted(&Value::TextString("x".to_owned()), up, None), None);
    }
}
