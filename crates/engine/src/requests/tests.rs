use std::time::Duration;

use super::*;

fn refused(number: u8, path: &str) -> RequestRow {
    RequestRow::Refused(Box::new(RefusedRequest {
        id: RequestId::from_bytes([number; 16]),
        tenant: None,
        source: None,
        peer: std::net::Ipv4Addr::LOCALHOST.into(),
        received_at: Time::ZERO,
        method: "POST".into(),
        path: path.into(),
        headers: vec![("x-a".into(), b"Value".to_vec())],
        content_type: None,
        body: "the Body".into(),
        body_bytes: 8,
        body_time: Duration::ZERO,
        total_time: Duration::ZERO,
        code: "c".into(),
        detail: "why".into(),
        hidden: false,
        status: 401,
    }))
}

fn ids(page: &RequestPage) -> Vec<u8> {
    page.rows.iter().map(|row| row.id().as_bytes()[0]).collect()
}

fn merged(first: &[u8], more_first: bool, second: &[u8], more_second: bool) -> Merged {
    let mut merged = Merged::default();
    merged.add(first.iter().map(|number| refused(*number, "/a")), more_first);
    merged.add(second.iter().map(|number| refused(*number, "/b")), more_second);
    merged
}

#[test]
fn two_lists_become_one_and_nothing_is_passed_over() {
    let page = merged(&[9, 5, 1], false, &[8, 7], false).page(None, 10);
    assert_eq!((ids(&page), page.next), (vec![9, 8, 7, 5, 1], None));
    // The second list goes on below 7: what the first has there must wait.
    let page = merged(&[9, 5, 1], false, &[8, 7], true).page(None, 10);
    assert_eq!((ids(&page), page.next), (vec![9, 8, 7], Some(RequestId::from_bytes([7; 16]))));
    let page = merged(&[9, 5, 1], true, &[8, 7], true).page(None, 2);
    assert_eq!((ids(&page), page.next), (vec![9, 8], Some(RequestId::from_bytes([8; 16]))));
    let page = merged(&[], false, &[], false).page(None, 2);
    assert_eq!((ids(&page), page.next), (vec![], None));
}

#[test]
fn a_search_that_found_nothing_goes_on_where_it_stopped() {
    let page = merged(&[9, 8], true, &[7], false).page(Some("/B"), 10);
    assert_eq!((ids(&page), page.next), (vec![], Some(RequestId::from_bytes([8; 16]))));
    for text in ["/A", "VALUE", "x-a", "body", "WHY"] {
        let page = merged(&[9], false, &[], false).page(Some(text), 10);
        assert_eq!(ids(&page), [9], "{text}");
    }
}
