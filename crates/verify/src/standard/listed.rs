//! The one reader of the `webhook-signature` header's list.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

#[cfg(feature = "ed25519")]
use super::ED25519_VERSION;
use super::HMAC_VERSION;
use crate::error::VerifyError;

/// How many signatures a header may list before it is refused unread. The specification sets no limit; senders list
/// one per key in rotation, and without a limit a stranger could make each request cost hundreds of curve operations.
pub const MAX_LISTED_SIGNATURES: usize = 32;

/// The well-formed signatures of the versions known here.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) hmac: Vec<[u8; 32]>,
    #[cfg(feature = "ed25519")]
    pub(super) ed25519: Vec<[u8; 64]>,
}

/// What one entry of the list is.
enum Entry {
    Hmac([u8; 32]),
    #[cfg(feature = "ed25519")]
    Ed25519([u8; 64]),
    UnknownVersion,
    Malformed,
}

impl Listed {
    /// Reads `version,base64` entries separated by spaces. Unknown versions are skipped, as the specification asks
    /// for; malformed entries are skipped as long as another entry has a `version,` form.
    pub(super) fn parse(header: &str) -> Result<Self, VerifyError> {
        let entries = || header.split(' ').filter(|entry| !entry.is_empty());
        if entries().nth(MAX_LISTED_SIGNATURES).is_some() {
            return Err(VerifyError::TooManySignatures);
        }
        let mut listed = Self::default();
        let mut any_well_formed = false;
        for entry in entries() {
            match parse_entry(entry) {
                Entry::Hmac(signature) => listed.hmac.push(signature),
                #[cfg(feature = "ed25519")]
                Entry::Ed25519(signature) => listed.ed25519.push(signature),
                Entry::UnknownVersion => {}
                Entry::Malformed => continue,
            }
            any_well_formed = true;
        }
        if any_well_formed { Ok(listed) } else { Err(VerifyError::MalformedSignature) }
    }
}

fn parse_entry(entry: &str) -> Entry {
    let Some((version, encoded)) = entry.split_once(',') else { return Entry::Malformed };
    match version {
        HMAC_VERSION => decode(encoded).map_or(Entry::Malformed, Entry::Hmac),
        #[cfg(feature = "ed25519")]
        ED25519_VERSION => decode(encoded).map_or(Entry::Malformed, Entry::Ed25519),
        "" => Entry::Malformed,
        _ => Entry::UnknownVersion,
    }
}

/// Decodes padded, canonical, standard base64 of exactly `LENGTH` bytes.
fn decode<const LENGTH: usize>(encoded: &str) -> Option<[u8; LENGTH]> {
    // The longest signature has 64 bytes; the decoder wants room for its estimate of 88 characters.
    let mut decoded = [0; 66];
    let length = STANDARD.decode_slice(encoded, &mut decoded).ok()?;
    decoded[..length].try_into().ok()
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    use super::{Listed, MAX_LISTED_SIGNATURES};
    use crate::error::VerifyError;

    fn hmac(byte: u8) -> String {
        format!("v1,{}", STANDARD.encode([byte; 32]))
    }

    #[test]
    fn reads_all_known_versions_in_order() {
        let ed25519 = format!("v1a,{}", STANDARD.encode([9; 64]));
        let header = format!("{} v2,whatever {ed25519}  {} v1,short", hmac(1), hmac(2));
        let listed = Listed::parse(&header).unwrap();
        assert_eq!(listed.hmac, [[1; 32], [2; 32]]);
        #[cfg(feature = "ed25519")]
        assert_eq!(listed.ed25519, [[9; 64]]);
    }

    #[test]
    fn nothing_well_formed_is_malformed() {
        let unpadded = hmac(1).replace('=', "");
        let long = format!("v1,{}", STANDARD.encode([1; 66]));
        let longer = format!("v1,{}", STANDARD.encode([1; 900]));
        let bare = STANDARD.encode([1; 32]);
        // The last digit before the padding carries four bits and two that must be zero.
        let not_canonical = hmac(0).replace("A=", "B=");
        let made = [&unpadded, &long, &longer, &bare, &not_canonical].map(String::as_str);
        for header in ["", " ", "v1", "v1,", ",", ",AAAA", "v1,====", "v1;AAAA"].into_iter().chain(made) {
            assert_eq!(Listed::parse(header), Err(VerifyError::MalformedSignature), "{header:?}");
        }
    }

    #[cfg(feature = "ed25519")]
    #[test]
    fn each_version_has_its_length() {
        for header in
            [format!("v1a,{}", STANDARD.encode([1; 32])), format!("v1,{}", STANDARD.encode([1; 64]))]
        {
            assert_eq!(Listed::parse(&header), Err(VerifyError::MalformedSignature), "{header:?}");
        }
    }

    #[test]
    fn version_case_matters() {
        assert_eq!(Listed::parse(&hmac(1).replace("v1", "V1")), Ok(Listed::default()));
    }

    #[test]
    fn the_list_is_bounded() {
        let list = |count| vec![hmac(1); count].join(" ");
        assert_eq!(Listed::parse(&list(MAX_LISTED_SIGNATURES)).unwrap().hmac.len(), MAX_LISTED_SIGNATURES);
        assert_eq!(Listed::parse(&list(MAX_LISTED_SIGNATURES + 1)), Err(VerifyError::TooManySignatures));
    }

    proptest! {
        #[test]
        fn any_text_is_decided(header in "(v1,|v1a,|[A-Za-z0-9+/=, é]){0,40}") {
            let _decided = Listed::parse(&header);
        }
    }
}
