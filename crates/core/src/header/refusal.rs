//! Why custom headers are refused.

/// The closed list of reasons. A name appears only once it is known to be a token, a value never.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderRefusal {
    /// More than [`super::HEADERS_MAX`].
    #[error("there are more than {} custom headers", super::HEADERS_MAX)]
    TooMany,
    /// All together longer than [`super::HEADERS_BYTES_MAX`].
    #[error("the custom headers are larger than {} bytes together", super::HEADERS_BYTES_MAX)]
    TooLarge,
    /// Longer than [`super::HEADER_NAME_BYTES_MAX`].
    #[error("the name of custom header {position} is longer than {} bytes", super::HEADER_NAME_BYTES_MAX)]
    NameTooLong {
        /// Which header, counted from 1.
        position: usize,
    },
    /// Empty or not a token (RFC 9110 section 5.6.2).
    #[error("the name of custom header {position} must be letters, digits and !#$%&'*+-.^_`|~")]
    NameInvalid {
        /// Which header, counted from 1.
        position: usize,
    },
    /// Set by Stentor or by HTTP itself, or trusted by receivers.
    #[error("the header {name} cannot be set: it belongs to the gateway or to the connection")]
    Reserved {
        /// The name as given.
        name: String,
    },
    /// The same name twice, in any case.
    #[error("the header {name} is given twice")]
    Duplicate {
        /// The later name as given.
        name: String,
    },
    /// Longer than [`super::HEADER_VALUE_BYTES_MAX`].
    #[error("the value of header {name} is longer than {} bytes", super::HEADER_VALUE_BYTES_MAX)]
    ValueTooLong {
        /// The name as given.
        name: String,
    },
    /// A character that is neither visible ASCII nor space nor tab.
    #[error("the value of header {name} must be visible ASCII characters, spaces and tabs")]
    ValueInvalid {
        /// The name as given.
        name: String,
    },
    /// White space at either end: receivers strip it, so it cannot be meant.
    #[error("the value of header {name} starts or ends with white space")]
    ValuePadded {
        /// The name as given.
        name: String,
    },
}

impl HeaderRefusal {
    /// Stable identifier for the API.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooMany => "headers_too_many",
            Self::TooLarge => "headers_too_large",
            Self::NameTooLong { .. } => "header_name_too_long",
            Self::NameInvalid { .. } => "header_name_invalid",
            Self::Reserved { .. } => "header_reserved",
            Self::Duplicate { .. } => "header_duplicate",
            Self::ValueTooLong { .. } => "header_value_too_long",
            Self::ValueInvalid { .. } => "header_value_invalid",
            Self::ValuePadded { .. } => "header_value_padded",
        }
    }
}
