//! Framing that hyper lets pass and that proxies may read differently (reliability S8): both Content-Length and
//! Transfer-Encoding, and lines that end in a bare line feed.

/// Whether the head that starts these bytes is one that we refuse. Bytes that do not start with the request's own method
/// are not its head (a pipelined request's is not known): hyper's own rules stand for it, and it closes the connection
/// after both lengths.
pub(super) fn refusal(bytes: &[u8], method: &str) -> Option<&'static str> {
    // RFC 9112 section 2.2: empty lines before the request line are ignored.
    let start = bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n'))?;
    let head = &bytes[start..];
    if !head.strip_prefix(method.as_bytes())?.starts_with(b" ") {
        return None;
    }
    let (mut length, mut encoding) = (false, false);
    for line in head.split_inclusive(|byte| *byte == b'\n') {
        let Some(line) = line.strip_suffix(b"\n") else { break };
        let Some(line) = line.strip_suffix(b"\r") else {
            return Some("A line of the head ends in a bare line feed; lines end in CR LF.");
        };
        if line.is_empty() {
            break;
        }
        length |= is_field(line, b"content-length");
        encoding |= is_field(line, b"transfer-encoding");
    }
    (length && encoding).then_some("Content-Length and Transfer-Encoding exclude each other.")
}

fn is_field(line: &[u8], name: &[u8]) -> bool {
    line.split_at_checked(name.len())
        .is_some_and(|(start, rest)| start.eq_ignore_ascii_case(name) && rest.starts_with(b":"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_lengths_are_refused_in_either_order_and_any_case() {
        for head in [
            "POST / HTTP/1.1\r\ncontent-length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
            "\r\nPOST / HTTP/1.1\r\nTRANSFER-ENCODING: chunked\r\nhost: x\r\nContent-Length:3\r\n\r\n",
        ] {
            assert!(refusal(head.as_bytes(), "POST").is_some(), "{head}");
        }
    }

    #[test]
    fn a_bare_line_feed_is_refused() {
        for head in [
            "GET / HTTP/1.1\nhost: x\n\n",
            "GET / HTTP/1.1\r\nhost: x\n\r\n",
            "GET / HTTP/1.1\r\nhost: x\r\n\n",
        ] {
            assert!(refusal(head.as_bytes(), "GET").is_some(), "{head:?}");
        }
    }

    #[test]
    fn the_body_and_other_requests_do_not_count() {
        for bytes in [
            "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n5\r\ncontent-length: 5\r\n",
            "POST / HTTP/1.1\r\ncontent-length: 40\r\nx-transfer-encoding: a\r\n\r\n\ntransfer-encoding: chunked\n",
            "GET / HTTP/1.1\nhost: x\n\n",
            "POSTAL / HTTP/1.1\n\n",
            "",
        ] {
            assert_eq!(refusal(bytes.as_bytes(), "POST"), None, "{bytes:?}");
        }
    }
}
