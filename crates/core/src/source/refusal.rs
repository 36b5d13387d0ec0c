//! Why a source cannot be as it was to be.

/// A field of a source that is no good.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{pointer}: {detail}")]
pub struct SourceRefusal {
    /// JSON Pointer into the source as the API shows it.
    pub pointer: String,
    /// What is wrong and what is expected.
    pub detail: String,
}

impl SourceRefusal {
    /// Of the field at `pointer`.
    pub fn at(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), detail: detail.into() }
    }
}
