//! `filters` and `conditions` as webhooks, routes and explain write them.

use serde_json::value::RawValue;
use stentor_core::filter::Filter;

use crate::http::problem::FieldError;

/// Reads the two objects; what is wrong with them goes to the errors.
pub(super) fn checked_filter(
    filters: Option<&RawValue>,
    conditions: Option<&RawValue>,
    errors: &mut Vec<FieldError>,
) -> Option<Filter> {
    Filter::parse(filters.map(RawValue::get), conditions.map(RawValue::get)).unwrap_or_else(|refusals| {
        let error = |refusal: stentor_core::filter::FilterRefusal| {
            FieldError::new(refusal.pointer, refusal.detail).with_code("filter")
        };
        errors.extend(refusals.into_iter().map(error));
        None
    })
}

/// The two objects as they were written.
pub(super) fn filter_parts(filter: Option<&Filter>) -> (Option<Box<RawValue>>, Option<Box<RawValue>>) {
    let raw = |text: Option<&str>| text.and_then(|text| RawValue::from_string(text.to_owned()).ok());
    (raw(filter.and_then(Filter::filters)), raw(filter.and_then(Filter::conditions)))
}

/// A sentence for each pair of clauses that exclude each other.
pub(super) fn contradictions(filter: &Filter) -> Vec<String> {
    let (_, found) = filter.judge();
    let told = |one: stentor_core::filter::Contradiction| {
        format!("The filter cannot match: {} ({}).", one.detail, one.pointers.join(", "))
    };
    found.into_iter().map(told).collect()
}
