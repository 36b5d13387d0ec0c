//! The master key and what it protects: secrets are encrypted at rest, tokens are kept as keyed hashes.
//!
//! A sealed value is `version (1) | key id (4) | nonce (24) | ciphertext and tag`, XChaCha20-Poly1305. Its associated data
//! names table, row and field, so that a value cannot be moved to another place.

use std::fmt;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

const VERSION: u8 = 1;
const KEY_BYTES: usize = 32;
const KEY_ID_BYTES: usize = 4;
const NONCE_BYTES: usize = 24;
const HEAD_BYTES: usize = 1 + KEY_ID_BYTES + NONCE_BYTES;

/// The text is not a master key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a master key is 32 bytes, written as 64 hexadecimal digits or as base64")]
pub struct InvalidMasterKey;

/// A sealed value that could not be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// It was sealed with another master key.
    #[error("sealed with another master key")]
    OtherKey,
    /// It was changed, cut, or moved from another place.
    #[error("damaged or moved from another place")]
    Damaged,
    /// The operating system gave no randomness.
    #[error("the operating system gave no randomness")]
    NoRandomness,
}

/// The 32 bytes that everything secret in the database depends on. Wiped from memory when dropped, never printed.
#[derive(Clone)]
pub struct MasterKey(Zeroizing<[u8; KEY_BYTES]>);

impl MasterKey {
    /// From the bytes themselves.
    pub fn from_bytes(bytes: [u8; KEY_BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// A new one from the operating system's randomness.
    ///
    /// # Errors
    /// When the operating system gives none.
    pub fn generate() -> Result<Self, SealError> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        getrandom::fill(bytes.as_mut_slice()).map_err(|_| SealError::NoRandomness)?;
        Ok(Self(bytes))
    }

    /// Parses 64 hexadecimal digits or base64 (standard or URL alphabet, padded or not); white space around it is ignored.
    ///
    /// # Errors
    /// When the text is neither, or not 32 bytes.
    pub fn parse(text: &str) -> Result<Self, InvalidMasterKey> {
        let text = text.trim().as_bytes();
        let digits = if text.len() == KEY_BYTES * 2 { 4 } else { 6 };
        let text = if digits == 6 { text.strip_suffix(b"=").unwrap_or(text) } else { text };
        let mut bytes = Zeroizing::new([0_u8; KEY_BYTES]);
        let (mut at, mut bits, mut held) = (0, 0_u32, 0_u32);
        for character in text {
            let value = if digits == 4 { hex_digit(*character) } else { base64_digit(*character) };
            held = (held << digits) | value.ok_or(InvalidMasterKey)?;
            bits += digits;
            if bits >= 8 {
                bits -= 8;
                *bytes.get_mut(at).ok_or(InvalidMasterKey)? = (held >> bits) as u8;
                held &= (1 << bits) - 1;
                at += 1;
            }
        }
        if at == KEY_BYTES && held == 0 && bits < digits { Ok(Self(bytes)) } else { Err(InvalidMasterKey) }
    }

    /// The key as 64 hexadecimal digits, for writing it to its file.
    pub fn to_hex(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(KEY_BYTES * 2));
        for byte in self.0.iter() {
            for digit in [byte >> 4, byte & 15] {
                text.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
            }
        }
        text
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

fn hex_digit(character: u8) -> Option<u32> {
    char::from(character).to_digit(16)
}

fn base64_digit(character: u8) -> Option<u32> {
    Some(u32::from(match character {
        b'A'..=b'Z' => character - b'A',
        b'a'..=b'z' => character - b'a' + 26,
        b'0'..=b'9' => character - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    }))
}

/// Where a sealed value stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// The table.
    pub table: &'a str,
    /// The row's key.
    pub row: &'a [u8],
    /// The field.
    pub field: &'a str,
}

/// Seals and opens with one master key.
pub struct Sealer {
    cipher: XChaCha20Poly1305,
    key_id: [u8; KEY_ID_BYTES],
    token_key: Zeroizing<[u8; KEY_BYTES]>,
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(…)")
    }
}

impl Sealer {
    /// Prepares the keys that follow from the master key.
    pub fn new(master: &MasterKey) -> Self {
        let mut key_id = [0; KEY_ID_BYTES];
        key_id.copy_from_slice(&Sha256::digest(master.0.as_slice())[..KEY_ID_BYTES]);
        let token_key = Zeroizing::new(keyed_hash(&master.0, b"stentor token hash"));
        Self { cipher: XChaCha20Poly1305::new((&*master.0).into()), key_id, token_key }
    }

    /// Encrypts a value for its place.
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn seal(&self, place: Place<'_>, plaintext: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|_| SealError::NoRandomness)?;
        let payload = Payload { msg: plaintext, aad: &self.associated_data(place) };
        let ciphertext =
            self.cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| SealError::Damaged)?;
        let mut sealed = Vec::with_capacity(HEAD_BYTES + ciphertext.len());
        sealed.push(VERSION);
        sealed.extend_from_slice(&self.key_id);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&ciphertext);
        Ok(sealed)
    }

    /// Decrypts a value that was sealed for this place.
    ///
    /// # Errors
    /// When it was sealed with another key or for another place, or is damaged.
    pub fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (head, ciphertext) = sealed.split_at_checked(HEAD_BYTES).ok_or(SealError::Damaged)?;
        if head[0] != VERSION {
            return Err(SealError::Damaged);
        }
        if head[1..=KEY_ID_BYTES] != self.key_id {
            return Err(SealError::OtherKey);
        }
        let mut nonce = [0; NONCE_BYTES];
        nonce.copy_from_slice(&head[1 + KEY_ID_BYTES..]);
        let payload = Payload { msg: ciphertext, aad: &self.associated_data(place) };
        let plaintext = self.cipher.decrypt(&XNonce::from(nonce), payload).map_err(|_| SealError::Damaged)?;
        Ok(Zeroizing::new(plaintext))
    }

    /// The keyed hash of a token's secret: HMAC-SHA256 under a key derived from the master key.
    pub fn token_hash(&self, secret: &str) -> [u8; 32] {
        keyed_hash(&self.token_key, secret.as_bytes())
    }

    /// The keyed hash of texts that together are a key: it tells whether they are the same and nothing else.
    pub fn hash_of(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        let mut data = Zeroizing::new(purpose.as_bytes().to_vec());
        for part in parts {
            data.push(0);
            data.extend_from_slice(&(part.len() as u64).to_be_bytes());
            data.extend_from_slice(part);
        }
        keyed_hash(&self.token_key, &data)
    }

    fn associated_data(&self, place: Place<'_>) -> Vec<u8> {
        let mut data = vec![VERSION];
        for part in [place.table.as_bytes(), place.row, place.field.as_bytes(), &self.key_id] {
            data.extend_from_slice(&(part.len() as u64).to_be_bytes());
            data.extend_from_slice(part);
        }
        data
    }
}

fn keyed_hash(key: &[u8; KEY_BYTES], data: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(data);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests;
