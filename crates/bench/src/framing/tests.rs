use super::*;

const REQUEST: &[u8] = b"POST /r/3 HTTP/1.1\r\nHost: x\r\nContent-Length:  5 \r\n\r\nhello";

#[test]
fn frames_head_and_body() {
    assert_eq!(frame(REQUEST), Ok(Some(Frame { head_bytes: REQUEST.len() - 5, body_bytes: 5 })));
}

#[test]
fn an_incomplete_head_is_no_frame() {
    for end in 0..REQUEST.len() - 5 {
        assert_eq!(frame(&REQUEST[..end]), Ok(None), "{end}");
    }
}

#[test]
fn no_length_is_an_empty_body() {
    let answer = b"HTTP/1.1 204 No Content\r\n\r\n";
    assert_eq!(frame(answer), Ok(Some(Frame { head_bytes: answer.len(), body_bytes: 0 })));
}

#[test]
fn refuses_what_it_cannot_frame() {
    assert_eq!(frame(b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n"), Err(FrameError::Length));
    assert_eq!(frame(b"HTTP/1.1 200 OK\r\ncontent-length:\r\n\r\n"), Err(FrameError::Length));
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(frame(chunked), Err(FrameError::TransferEncoding));
}

#[test]
fn reads_status_and_path() {
    assert_eq!(status(b"HTTP/1.1 202 Accepted\r\n"), Some(202));
    assert_eq!(status(b"HTTP/1.1 2x2 Accepted\r\n"), None);
    assert_eq!(status(b"HTTP/1.1 20"), None);
    assert_eq!(path(REQUEST), Some(&b"/r/3"[..]));
}

#[test]
fn numbers_are_digits_only() {
    assert_eq!(number(b"0042"), Some(42));
    assert_eq!(number(b""), None);
    assert_eq!(number(b"+4"), None);
    assert_eq!(number(b"18446744073709551616"), None);
}

fn give(inbox: &mut Inbox, bytes: &[u8]) {
    inbox.free()[..bytes.len()].copy_from_slice(bytes);
    inbox.fill(bytes.len());
}

fn body_of(inbox: &mut Inbox) -> Option<Vec<u8>> {
    inbox.take(|_, body| body.to_vec()).expect("framing is sound")
}

#[test]
fn an_inbox_joins_pieces_and_splits_neighbours() {
    let mut inbox = Inbox::new();
    let twice = [REQUEST, REQUEST].concat();
    for piece in twice[..REQUEST.len() - 1].chunks(7) {
        give(&mut inbox, piece);
        assert_eq!(body_of(&mut inbox), None);
    }
    give(&mut inbox, &twice[REQUEST.len() - 1..]);
    assert_eq!(body_of(&mut inbox), Some(b"hello".to_vec()));
    assert_eq!(body_of(&mut inbox), Some(b"hello".to_vec()));
    assert_eq!(body_of(&mut inbox), None);
}

#[test]
fn an_inbox_refuses_what_can_never_fit() {
    let mut inbox = Inbox::new();
    let length = inbox.free().len();
    give(&mut inbox, &vec![b'x'; length]);
    assert_eq!(inbox.take(|_, _| ()), Err(FrameError::TooLong));
}
