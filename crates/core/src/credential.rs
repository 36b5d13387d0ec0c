//! Credentials: the user names and passwords of a source (seeds 000, 001).

use std::time::Duration;

use crate::id::{CredentialId, SourceId, TenantId};
use crate::time::Time;
use crate::webhook::SecretText;

/// Characters of a generated user name. With the colon and the password it makes 57 bytes, whose base64 is 76
/// characters: the longest that the seeds' plain `base64` does not wrap (readings 000, 001).
pub const USERNAME_CHARS: usize = 13;
/// Characters of a generated password: 43 of 6 bits each are 258 bits.
pub const PASSWORD_CHARS: usize = 43;
/// A live credential older than this is worth replacing.
pub const AGE_WARNING: Duration = Duration::from_secs(365 * 86_400);

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A credential as stored; the password itself is known only as a keyed hash of the pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// Its id.
    pub id: CredentialId,
    /// The source that it may send to, and the only thing that it may do.
    pub source: SourceId,
    /// Whose it is.
    pub tenant: TenantId,
    /// Name shown to people.
    pub name: String,
    /// Where it is used, in the owner's words, such as `production`.
    pub environment: Option<String>,
    /// The user name, which stays visible.
    pub username: String,
    /// When it was created.
    pub created_at: Time,
    /// When it was last used, to the minute or so.
    pub last_used_at: Option<Time>,
    /// When it stops working by itself.
    pub expires_at: Option<Time>,
    /// When it was revoked.
    pub revoked_at: Option<Time>,
}

impl Credential {
    /// Whether it may be used at `now`.
    pub fn is_live(&self, now: Time) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }

    /// Whether it is live and so old that it should be replaced.
    pub fn is_old(&self, now: Time) -> bool {
        self.is_live(now) && now.since(self.created_at) >= AGE_WARNING
    }
}

/// A user name and its password, shown once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialPair {
    /// The user name; it holds no colon.
    pub username: String,
    /// The password.
    pub password: SecretText,
}

impl CredentialPair {
    /// A new pair from random bytes: one for each character.
    pub fn generate(entropy: &[u8; USERNAME_CHARS + PASSWORD_CHARS]) -> Self {
        let text =
            |bytes: &[u8]| bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 63)])).collect();
        let (username, password) = entropy.split_at(USERNAME_CHARS);
        // A name that begins with `-` reads like an option on a command line.
        let first = if username[0] & 63 >= 62 { username[0] & 31 } else { username[0] };
        let username: String = std::iter::once(first)
            .chain(username[1..].iter().copied())
            .map(|byte| char::from(ALPHABET[usize::from(byte & 63)]))
            .collect();
        Self { username, password: SecretText::new(text(password)) }
    }

    /// `username:password`, the text that Basic authorization encodes (RFC 7617 section 2) and whose keyed hash is kept.
    pub fn user_pass(&self) -> SecretText {
        SecretText::new(format!("{}:{}", self.username, self.password.reveal()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Plain `base64` wraps at 76 characters, which 57 bytes fill exactly; nothing needs quoting in a shell, and a name
        /// never looks like an option.
        #[test]
        fn a_pair_fits_the_seeds_line(entropy in any::<[u8; USERNAME_CHARS + PASSWORD_CHARS]>()) {
            let pair = CredentialPair::generate(&entropy);
            let text = pair.user_pass().reveal().to_owned();
            prop_assert_eq!(text.len(), 57);
            prop_assert!(text.bytes().all(|byte| byte == b':' || ALPHABET.contains(&byte)));
            prop_assert!(text.as_bytes()[0].is_ascii_alphanumeric());
            prop_assert_eq!(text.split_once(':'), Some((pair.username.as_str(), pair.password.reveal())));
        }
    }

    #[test]
    fn a_credential_lives_until_it_is_revoked_or_expires() {
        let now = Time::from_seconds(1_700_000_000);
        let credential = Credential {
            id: CredentialId::new(now, 1),
            source: SourceId::new(now, 1),
            tenant: TenantId::new(now, 1),
            name: "n".into(),
            environment: None,
            username: "u".into(),
            created_at: now,
            last_used_at: None,
            expires_at: Some(now.plus(AGE_WARNING * 2)),
            revoked_at: None,
        };
        let year_later = now.plus(AGE_WARNING);
        assert!(credential.is_live(now) && !credential.is_old(now) && credential.is_old(year_later));
        assert!(!credential.is_live(now.plus(AGE_WARNING * 2)));
        let revoked = Credential { revoked_at: Some(now), ..credential };
        assert!(!revoked.is_live(now) && !revoked.is_old(year_later));
    }
}
