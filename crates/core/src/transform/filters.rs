//! The filters that a template may use. Those of minijinja whose result may be far larger than what they are given have
//! bounded ones in their place.

use std::fmt::Write as _;

use minijinja::value::ValueKind;
use minijinja::{Environment, Error, ErrorKind, Output, State, Value};

use super::limited::Limited;
use super::weight;

/// Largest value that a filter makes, in bytes.
pub(super) const VALUE_BYTES_MAX: usize = 512 * 1_024;

/// Every filter there is.
pub(super) const ALLOWED: [&str; 33] = [
    "abs",
    "attr",
    "bool",
    "capitalize",
    "count",
    "d",
    "default",
    "dictsort",
    "first",
    "float",
    "int",
    "items",
    "join",
    "last",
    "length",
    "lines",
    "list",
    "lower",
    "max",
    "min",
    "replace",
    "reverse",
    "round",
    "sort",
    "split",
    "string",
    "sum",
    "times",
    "title",
    "tojson",
    "trim",
    "unique",
    "upper",
];

/// Puts the bounded ones in.
pub(super) fn install(environment: &mut Environment<'static>) {
    environment.add_filter("join", join);
    environment.add_filter("replace", replace);
    environment.add_filter("string", string);
    environment.add_filter("times", times);
    environment.add_filter("tojson", tojson);
    weight::install(environment);
    environment.set_formatter(|output, _, value| write_out(output, value));
}

/// Text as it is, everything else as JSON: `null` and not `none`.
fn write_out(output: &mut Output<'_>, value: &Value) -> Result<(), Error> {
    let written = match value.as_str() {
        Some(text) => output.write_str(text),
        None => output.write_str(&json_of(value)?),
    };
    written.map_err(|_| ErrorKind::WriteFailure.into())
}

fn too_large() -> Error {
    Error::new(ErrorKind::InvalidOperation, format!("the value is larger than {VALUE_BYTES_MAX} bytes"))
}

fn json_of(value: &Value) -> Result<String, Error> {
    let mut written = Limited::new(VALUE_BYTES_MAX);
    let result = serde_json::to_writer(&mut written, value);
    if written.overflowed {
        return Err(too_large());
    }
    result.map_err(|error| Error::new(ErrorKind::BadSerialization, error.to_string()))?;
    text_of(written)
}

fn text_of(written: Limited) -> Result<String, Error> {
    if written.overflowed {
        return Err(too_large());
    }
    String::from_utf8(written.into_bytes()).map_err(|_| ErrorKind::BadSerialization.into())
}

fn tojson(state: &State<'_, '_>, value: &Value) -> Result<String, Error> {
    weight::weigh(state, value, 1)?;
    json_of(value)
}

fn string(state: &State<'_, '_>, value: &Value) -> Result<String, Error> {
    weight::weigh(state, value, 1)?;
    text(value)
}

fn text(value: &Value) -> Result<String, Error> {
    match value.as_str() {
        Some(text) => Ok(text.to_owned()),
        None => json_of(value),
    }
}

fn join(state: &State<'_, '_>, value: &Value, separator: Option<&str>) -> Result<String, Error> {
    weight::weigh(state, value, 1)?;
    let mut written = Limited::new(VALUE_BYTES_MAX);
    for (position, item) in value.try_iter()?.enumerate() {
        let before = separator.filter(|_| position > 0).unwrap_or_default();
        // What does not fit is noticed below.
        if written.write_str(before).is_err() || written.write_str(&text(&item)?).is_err() {
            break;
        }
    }
    text_of(written)
}

fn replace(state: &State<'_, '_>, value: &str, old: &str, new: &str) -> Result<String, Error> {
    weight::spend(state, old.len(), 1)?;
    if old.is_empty() {
        return Err(Error::new(ErrorKind::InvalidOperation, "what is to be replaced must not be empty"));
    }
    let mut written = Limited::new(VALUE_BYTES_MAX);
    for (position, piece) in value.split(old).enumerate() {
        let before = if position > 0 { new } else { "" };
        if written.write_str(before).is_err() || written.write_str(piece).is_err() {
            break;
        }
    }
    text_of(written)
}

/// The product of two numbers; of a text it would be the text many times over.
fn times(value: &Value, factor: &Value) -> Result<Value, Error> {
    let is_number = |value: &Value| value.kind() == ValueKind::Number;
    if !is_number(value) || !is_number(factor) {
        return Err(Error::new(ErrorKind::InvalidOperation, "times multiplies two numbers"));
    }
    if let (Ok(value), Ok(factor)) = (i128::try_from(value.clone()), i128::try_from(factor.clone())) {
        let product = value.checked_mul(factor);
        let product =
            product.ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "the product is too large"))?;
        return Ok(Value::from(product));
    }
    Ok(Value::from(f64::try_from(value.clone())? * f64::try_from(factor.clone())?))
}
