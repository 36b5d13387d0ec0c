use serde::Deserialize;

use super::*;

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Outer {
    name: String,
    #[serde(default)]
    rows: Vec<Inner>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Inner {
    count: u8,
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| {
            (http::HeaderName::from_static(name), HeaderValue::from_str(value).expect("legal"))
        })
        .collect()
}

#[test]
fn points_at_the_place_that_is_wrong() {
    for (body, pointer) in [
        (r#"{}"#, "/name"),
        (r#"{"name": 1}"#, "/name"),
        (r#"{"name": "x", "nmae": 1}"#, "/nmae"),
        (r#"{"name": "x", "rows": [{"count": 1}, {"count": 300}]}"#, "/rows/1/count"),
        (r#"{"name": "x", "rows": [{"count": 1, "a/b~c": 2}]}"#, "/rows/0/a~1b~0c"),
        (r#"{"name": "x", "rows": [{}]}"#, "/rows/0/count"),
        (r#"{"name": "x", "name": "y"}"#, "/name"),
        (r#"[]"#, ""),
    ] {
        let problem = parse_json::<Outer>(body.as_bytes()).expect_err("refused");
        assert_eq!(problem.code(), Code::InvalidBody, "{body}");
        assert_eq!(problem.errors()[0].pointer, pointer, "{body}: {problem:?}");
        assert!(!problem.errors()[0].detail.contains("line"), "{problem:?}");
    }
}

#[test]
fn what_is_not_json_has_an_offset() {
    let problem = parse_json::<Outer>(br#"{"name": nope}"#).expect_err("refused");
    assert_eq!((problem.code(), problem.offset()), (Code::InvalidJson, Some(10)));
}

#[test]
fn only_json_in_utf_8_passes() {
    for value in
        ["application/json", "Application/JSON; charset=UTF-8", "application/json;charset=\"utf-8\"; v=1"]
    {
        assert!(check_media_type(&headers(&[("content-type", value)])).is_ok(), "{value}");
    }
    for value in ["text/json", "application/json; charset=latin1", "application/x-www-form-urlencoded", ""] {
        let problem = check_media_type(&headers(&[("content-type", value)])).expect_err("refused");
        assert_eq!(problem.code(), Code::UnsupportedMediaType, "{value}");
    }
    assert!(check_media_type(&HeaderMap::new()).is_err());
}

#[tokio::test]
async fn the_limit_is_exact_and_the_announced_length_counts_first() {
    let read = |headers: HeaderMap, size: usize| async move {
        read_body(&headers, Body::from(vec![b'1'; size]), 10, &BodyBudget::default()).await
    };
    assert_eq!(read(HeaderMap::new(), 10).await.expect("at the limit").len(), 10);
    assert_eq!(read(HeaderMap::new(), 11).await.expect_err("over").code(), Code::BodyTooLarge);
    assert_eq!(
        read(headers(&[("content-length", "11")]), 1).await.expect_err("announced").code(),
        Code::BodyTooLarge
    );
    assert_eq!(
        read(headers(&[("content-encoding", "gzip")]), 1).await.expect_err("zip").code(),
        Code::UnsupportedEncoding
    );
    assert!(read(headers(&[("content-encoding", "Identity")]), 1).await.is_ok());
}
