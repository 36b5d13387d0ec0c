//! A request that another implementation made.

use serde::Deserialize;
use stentor_verify::provider::{Key, Refusal, Request, Scheme, Verified, needs_certificate, preset, verify};

/// A request, and what it must tell.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Vector {
    /// Libraries that accepted it when it was made.
    #[expect(dead_code, reason = "for people who read the file")]
    pub(crate) accepted_by: Vec<String>,
    pub(crate) preset: String,
    /// In place of the preset's.
    scheme: Option<Scheme>,
    pub(crate) secret: String,
    pub(crate) now_unix_ms: u64,
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    pub(crate) certificate: Option<String>,
    pub(crate) expect: Expected,
}

#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expected {
    event_id: Option<String>,
    dedupe_id: Option<String>,
    event_type: Option<String>,
}

impl Vector {
    /// Those of the repository.
    pub(crate) fn all() -> Vec<Self> {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors");
        let mut paths: Vec<_> =
            std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths.iter().map(|path| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()).collect()
    }

    pub(crate) fn scheme(&self) -> &Scheme {
        if let Some(scheme) = &self.scheme {
            return scheme;
        }
        &preset(&self.preset).unwrap_or_else(|| panic!("no preset {}", self.preset)).scheme
    }

    pub(crate) fn key(&self) -> Key {
        self.scheme().key(&self.secret).unwrap()
    }

    /// Verifies with these keys.
    pub(crate) fn verify_with(&self, keys: &[Key], now_unix_ms: u64) -> Result<Verified, Refusal> {
        let headers: Vec<(&str, &[u8])> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let request = Request {
            method: &self.method,
            url: &self.url,
            headers: &headers,
            body: self.body.as_bytes(),
            certificate: self.certificate.as_deref().map(str::as_bytes),
        };
        if needs_certificate(self.scheme(), &request)?.is_none() {
            assert!(self.certificate.is_none(), "{} does not ask for its certificate", self.preset);
        }
        verify(self.scheme(), keys, &request, now_unix_ms)
    }

    /// The refusal's code, or `accepted`.
    pub(crate) fn verdict(&self) -> &'static str {
        self.verdict_with(&[self.key()], self.now_unix_ms)
    }

    pub(crate) fn verdict_with(&self, keys: &[Key], now_unix_ms: u64) -> &'static str {
        self.verify_with(keys, now_unix_ms).map_or_else(|refusal| refusal.code(), |_| "accepted")
    }

    /// Asserts that it is accepted and tells what it must.
    pub(crate) fn is_accepted(&self) {
        let verified = self.verify_with(&[self.key()], self.now_unix_ms);
        let verified = verified.unwrap_or_else(|refusal| panic!("{}: {refusal}", self.preset));
        assert_eq!(verified.event_id, self.expect.event_id, "{}: id", self.preset);
        assert_eq!(verified.dedupe_id, self.expect.dedupe_id, "{}: dedupe", self.preset);
        assert_eq!(verified.event_type, self.expect.event_type, "{}: type", self.preset);
        assert_eq!(verified.key_index, 0);
    }

    /// The value of a header, to be changed.
    pub(crate) fn header(&mut self, wanted: &str) -> &mut String {
        let found = self.headers.iter_mut().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        &mut found.unwrap_or_else(|| panic!("{}: no header {wanted}", self.preset)).1
    }

    pub(crate) fn without_header(mut self, wanted: &str) -> Self {
        self.headers.retain(|(name, _)| !name.eq_ignore_ascii_case(wanted));
        self
    }
}
