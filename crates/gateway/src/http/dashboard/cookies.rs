//! The cookies of the dashboard.
//!
//! Over TLS the session's cookie is `__Host-stentor`, with `Secure`. Browsers do not agree on whether they keep such a cookie of a
//! plain http page on loopback, so there it is `stentor-session`, without `Secure`; each is read only where it is set. From any other
//! address plain http signs nobody in.

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

use crate::http::peer::Sender;

/// The session's secret.
#[derive(Debug, Clone, Copy)]
pub(super) struct SessionCookie {
    over_tls: bool,
}

impl SessionCookie {
    /// The one for requests of this sender.
    pub(super) fn of(sender: Sender) -> Self {
        Self { over_tls: sender.over_tls }
    }

    const fn name(self) -> &'static str {
        if self.over_tls { "__Host-stentor" } else { "stentor-session" }
    }

    /// The value that a request carries.
    pub(super) fn read(self, headers: &HeaderMap) -> Option<&str> {
        read(headers, self.name())
    }

    /// Sets it until the browser is closed; the server knows when it ends.
    pub(super) fn set(self, secret: &str) -> HeaderValue {
        self.written(secret, "")
    }

    /// Takes it away.
    pub(super) fn clear(self) -> HeaderValue {
        self.written("", "; Max-Age=0")
    }

    fn written(self, value: &str, life: &str) -> HeaderValue {
        let secure = if self.over_tls { "; Secure" } else { "" };
        kept(&format!("{}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{life}", self.name()))
    }
}

/// A choice of the reader's, kept for a year. It proves nothing.
pub(super) fn choice(name: &str, value: &str) -> HeaderValue {
    kept(&format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age=31536000"))
}

/// The value of a cookie that a request carries.
pub(super) fn read<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let values = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(found, _)| *found == name).map(|(_, value)| value)
}

fn kept(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("names are ours, values are base64url or words of ours")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_among_others_by_its_whole_name() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_static("a=1; xstentor-session=no; stentor-session=yes"));
        headers.append(COOKIE, HeaderValue::from_static("__Host-stentor=tls"));
        let of = |over_tls| SessionCookie { over_tls }.read(&headers);
        assert_eq!((of(false), of(true)), (Some("yes"), Some("tls")));
        assert_eq!(read(&headers, "b"), None);
    }

    #[test]
    fn over_tls_the_cookie_is_bound_to_host_and_tls() {
        let set = SessionCookie { over_tls: true }.set("secret");
        assert_eq!(set, "__Host-stentor=secret; Path=/; HttpOnly; SameSite=Lax; Secure");
        let plain = SessionCookie { over_tls: false };
        assert_eq!(plain.set("secret"), "stentor-session=secret; Path=/; HttpOnly; SameSite=Lax");
        assert_eq!(plain.clear(), "stentor-session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
    }
}
