//! Work of one step, counted as steps. The engine takes a step for each value that a filter visits and for 64 bytes that it is
//! given or makes, but none for what lies within those values or comes as a further argument. It is weighed here, so that a
//! template does about 10 million elementary operations at most, whatever it is given.

use minijinja::filters as builtin;
use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State, Value};

use super::tree::{Tree, VALUE_BYTES};

/// Bytes of text that are worked on in one step.
const BYTES_PER_STEP: usize = 64;
/// Most values that may lie within each other; JSON of events is not deeper.
const DEPTH_MAX: usize = 130;

/// Puts weighed filters in the place of those whose work grows with what is within their arguments.
pub(super) fn install(environment: &mut Environment<'static>) {
    environment.add_filter("attr", attr);
    environment.add_filter("dictsort", dictsort);
    environment.add_filter("max", max);
    environment.add_filter("min", min);
    environment.add_filter("sort", sort);
    environment.add_filter("split", split);
    environment.add_filter("sum", sum);
    environment.add_filter("trim", trim);
    environment.add_filter("unique", unique);
}

/// Takes the steps for `times` walks through all of a value.
pub(super) fn weigh(state: &State<'_, '_>, value: &Value, times: usize) -> Result<(), Error> {
    let mut bytes = 0;
    walk(state, value, times, &mut bytes, 0)?;
    spend(state, bytes, times)
}

/// Takes the steps for `bytes`, `times` times.
pub(super) fn spend(state: &State<'_, '_>, bytes: usize, times: usize) -> Result<(), Error> {
    state.consume_fuel(bytes.saturating_mul(times).div_ceil(BYTES_PER_STEP) as u64)
}

/// Adds up what a value weighs. Steps are taken on the way, so that weighing itself ends when none are left.
fn walk(
    state: &State<'_, '_>,
    value: &Value,
    times: usize,
    bytes: &mut usize,
    depth: usize,
) -> Result<(), Error> {
    if depth > DEPTH_MAX {
        return Err(Error::new(ErrorKind::InvalidOperation, "the value is nested too deep"));
    }
    let tree = value.downcast_object_ref::<Tree>();
    *bytes += tree.map_or_else(|| VALUE_BYTES + value.as_str().map_or(0, str::len), |tree| tree.weight_bytes);
    if *bytes >= BYTES_PER_STEP {
        spend(state, std::mem::take(bytes), times)?;
    }
    let is_map = value.kind() == ValueKind::Map;
    if tree.is_some() || !is_map && !matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable) {
        return Ok(());
    }
    for item in value.try_iter()? {
        walk(state, &item, times, bytes, depth + 1)?;
        if is_map {
            walk(state, &value.get_item(&item)?, times, bytes, depth + 1)?;
        }
    }
    Ok(())
}

/// Weighs what is put in order: each value is compared about as often as the number of values has binary digits, a list or an
/// object of the event in one step.
///
/// # Errors
/// When no steps are left, or with `ordered` where something has no order.
fn weigh_order<'v>(
    state: &State<'_, '_>,
    compared: impl ExactSizeIterator<Item = &'v Value>,
    ordered: bool,
) -> Result<(), Error> {
    let times = (usize::BITS - compared.len().leading_zeros()).max(1) as usize;
    for value in compared {
        if value.downcast_object_ref::<Tree>().is_none() {
            weigh(state, value, times)?;
        } else if ordered {
            let message = "lists and objects have no order; name an attribute that is a text or a number";
            return Err(Error::new(ErrorKind::InvalidOperation, message));
        } else {
            spend(state, VALUE_BYTES, times)?;
        }
    }
    Ok(())
}

/// Weighs the items of a list, or what each has at the path `attribute`.
fn weigh_items(state: &State<'_, '_>, value: &Value, kwargs: &Kwargs, ordered: bool) -> Result<(), Error> {
    let path = kwargs.peek::<Option<&str>>("attribute")?;
    let mut items: Vec<Value> = value.try_iter()?.collect();
    if let Some(path) = path {
        weigh_path(state, items.len(), kwargs)?;
        for item in &mut items {
            *item = at_path(item, path);
        }
    }
    weigh_order(state, items.iter(), ordered)
}

/// What a value has at a dotted path, as the engine reads `attribute`; undefined where there is nothing.
fn at_path(value: &Value, path: &str) -> Value {
    path.split('.').fold(value.clone(), |value, step| {
        let found = match step.parse::<usize>() {
            Ok(position) => value.get_item_by_index(position),
            Err(_) => value.get_attr(step),
        };
        found.unwrap_or(Value::UNDEFINED)
    })
}

/// Weighs the path `attribute`, which is taken apart for each value.
fn weigh_path(state: &State<'_, '_>, count: usize, kwargs: &Kwargs) -> Result<(), Error> {
    let path = kwargs.peek::<Option<&str>>("attribute")?;
    spend(state, path.map_or(0, str::len), count)
}

fn attr(state: &State<'_, '_>, value: &Value, key: &Value) -> Result<Value, Error> {
    weigh(state, key, 1)?;
    builtin::attr(value, key)
}

fn dictsort(state: &State<'_, '_>, value: &Value, kwargs: Kwargs) -> Result<Value, Error> {
    let by_value = kwargs.peek::<Option<&str>>("by")? == Some("value");
    let mut compared: Vec<Value> = value.try_iter()?.collect();
    if by_value {
        for name in &mut compared {
            *name = value.get_item(name)?;
        }
    }
    weigh_order(state, compared.iter(), true)?;
    builtin::dictsort(value, kwargs)
}

fn max(state: &State<'_, '_>, value: Value, kwargs: Kwargs) -> Result<Value, Error> {
    weigh_items(state, &value, &kwargs, true)?;
    builtin::max(state, value, kwargs)
}

fn min(state: &State<'_, '_>, value: Value, kwargs: Kwargs) -> Result<Value, Error> {
    weigh_items(state, &value, &kwargs, true)?;
    builtin::min(state, value, kwargs)
}

fn sort(state: &State<'_, '_>, value: Value, kwargs: Kwargs) -> Result<Value, Error> {
    weigh_items(state, &value, &kwargs, true)?;
    builtin::sort(state, value, kwargs)
}

fn unique(state: &State<'_, '_>, value: Value, kwargs: Kwargs) -> Result<Value, Error> {
    weigh_items(state, &value, &kwargs, false)?;
    builtin::unique(state, value, kwargs)
}

fn split(
    state: &State<'_, '_>,
    value: &Value,
    separator: Option<std::sync::Arc<str>>,
    most: Option<i64>,
) -> Result<Value, Error> {
    spend(state, separator.as_ref().map_or(0, |text| text.len()), 1)?;
    builtin::split(value, separator, most)
}

/// The sum of numbers; a text that others are added to would be copied for each.
fn sum(
    state: &State<'_, '_>,
    values: Value,
    attribute: Option<&str>,
    kwargs: Kwargs,
) -> Result<Value, Error> {
    let start = kwargs.peek::<Option<Value>>("start")?;
    if start.is_some_and(|start| start.kind() != ValueKind::Number) {
        return Err(Error::new(ErrorKind::InvalidOperation, "sum adds numbers"));
    }
    let count = values.len().unwrap_or(0);
    spend(state, attribute.map_or(0, str::len), count)?;
    weigh_path(state, count, &kwargs)?;
    builtin::sum(state, values, attribute, None, kwargs)
}

/// Each character of the text is looked for among the given ones.
fn trim(state: &State<'_, '_>, value: &str, characters: Option<&str>) -> Result<String, Error> {
    let Some(characters) = characters else { return Ok(value.trim().to_owned()) };
    spend(state, characters.len(), value.len().max(1))?;
    let characters: Vec<char> = characters.chars().collect();
    Ok(value.trim_matches(&characters[..]).to_owned())
}
