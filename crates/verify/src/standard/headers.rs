//! The header triple of one received webhook.

use super::{
    ID_HEADER, SIGNATURE_HEADER, SVIX_ID_HEADER, SVIX_SIGNATURE_HEADER, SVIX_TIMESTAMP_HEADER,
    TIMESTAMP_HEADER,
};
use crate::error::VerifyError;

/// The three header values of one received webhook, as they arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Headers<'a> {
    /// Value of `webhook-id`.
    pub id: &'a str,
    /// Value of `webhook-timestamp`: Unix seconds.
    pub timestamp: &'a str,
    /// Value of `webhook-signature`: a space-separated list.
    pub signature: &'a str,
}

impl<'a> Headers<'a> {
    /// Takes the triple out of any header map: `lookup` gets a lower-case name and returns the value.
    ///
    /// The `webhook-` names are used when they are complete, else the `svix-` names; the two are never mixed.
    ///
    /// # Errors
    /// [`VerifyError::MissingHeader`] with the first missing name: of the `svix-` names when only such headers are
    /// there, else of the `webhook-` names.
    ///
    /// ```
    /// use std::collections::HashMap;
    /// use stentor_verify::{VerifyError, standard::Headers};
    ///
    /// let mut received = HashMap::from([("svix-id", "msg_1"), ("svix-timestamp", "1614265330")]);
    /// let missing = Headers::from_lookup(|name| received.get(name).copied());
    /// assert_eq!(missing, Err(VerifyError::MissingHeader("svix-signature")));
    ///
    /// received.insert("svix-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    /// assert_eq!(Headers::from_lookup(|name| received.get(name).copied())?.id, "msg_1");
    /// # Ok::<(), VerifyError>(())
    /// ```
    pub fn from_lookup(lookup: impl Fn(&'static str) -> Option<&'a str>) -> Result<Self, VerifyError> {
        let standard = [ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER];
        let svix = [SVIX_ID_HEADER, SVIX_TIMESTAMP_HEADER, SVIX_SIGNATURE_HEADER];
        Self::named(&lookup, standard).or_else(|standard_missing| {
            Self::named(&lookup, svix).map_err(|svix_missing| {
                let present = |name: &'static str| lookup(name).is_some();
                let only_svix = svix.into_iter().any(present) && !standard.into_iter().any(present);
                if only_svix { svix_missing } else { standard_missing }
            })
        })
    }

    fn named(
        lookup: &impl Fn(&'static str) -> Option<&'a str>,
        [id, timestamp, signature]: [&'static str; 3],
    ) -> Result<Self, VerifyError> {
        let value = |name| lookup(name).ok_or(VerifyError::MissingHeader(name));
        Ok(Self { id: value(id)?, timestamp: value(timestamp)?, signature: value(signature)? })
    }
}

#[cfg(test)]
mod tests {
    use super::Headers;
    use crate::error::VerifyError;

    fn look(pairs: &[(&'static str, &'static str)]) -> Result<Headers<'static>, VerifyError> {
        Headers::from_lookup(|wanted| pairs.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value))
    }

    const STANDARD: [(&str, &str); 3] =
        [("webhook-id", "a"), ("webhook-timestamp", "b"), ("webhook-signature", "c")];
    const SVIX: [(&str, &str); 3] = [("svix-id", "x"), ("svix-timestamp", "y"), ("svix-signature", "z")];

    #[test]
    fn complete_triples() {
        assert_eq!(look(&STANDARD), Ok(Headers { id: "a", timestamp: "b", signature: "c" }));
        assert_eq!(look(&SVIX), Ok(Headers { id: "x", timestamp: "y", signature: "z" }));
        assert_eq!(look(&[SVIX, STANDARD].concat()).unwrap().id, "a");
        assert_eq!(look(&[&SVIX[..], &STANDARD[..2]].concat()).unwrap().id, "x");
    }

    #[test]
    fn the_first_missing_name_is_told() {
        assert_eq!(look(&[]), Err(VerifyError::MissingHeader("webhook-id")));
        assert_eq!(look(&STANDARD[1..]), Err(VerifyError::MissingHeader("webhook-id")));
        assert_eq!(look(&[STANDARD[0], STANDARD[2]]), Err(VerifyError::MissingHeader("webhook-timestamp")));
        assert_eq!(look(&STANDARD[..2]), Err(VerifyError::MissingHeader("webhook-signature")));
        assert_eq!(look(&SVIX[..2]), Err(VerifyError::MissingHeader("svix-signature")));
    }

    #[test]
    fn triples_are_not_mixed() {
        let mixed = [STANDARD[0], STANDARD[1], SVIX[2]];
        assert_eq!(look(&mixed), Err(VerifyError::MissingHeader("webhook-signature")));
    }
}
