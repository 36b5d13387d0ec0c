//! Texts of JSON values that a field might be given.

/// A value as it is written, and its JSON type.
pub struct Value {
    pub text: String,
    pub kind: &'static str,
}

fn value(text: impl Into<String>, kind: &'static str) -> Value {
    Value { text: text.into(), kind }
}

/// Values of every type, most of them odd.
pub fn all() -> Vec<Value> {
    let mut all = vec![value("null", "null"), value("true", "boolean"), value("false", "boolean")];
    all.extend(["0", "-0", "-1", "4294967296", "-2147483649"].map(|text| value(text, "integer")));
    all.extend(
        ["18446744073709551615", "9223372036854775808", "99999999999999999999999"]
            .map(|text| value(text, "integer")),
    );
    all.extend(
        ["1.5", "-0.5", "1e400", "-1e400", "1e308", "1e-400", "0.1e1"].map(|text| value(text, "number")),
    );
    all.push(value("9".repeat(5_000), "integer"));
    let strings = [
        r#""""#,
        r#""x""#,
        r#"" ""#,
        r#""\u0000""#,
        r#""a\u0000b""#,
        r#""\ud800""#,
        r#""\r\n""#,
        r#""😀""#,
        r#""\u202e""#,
        r#""null""#,
        r#""0""#,
        r#""-5""#,
        r#""-5s""#,
        r#""5 weeks""#,
        r#""1e99s""#,
        r#""99999999999999999999d""#,
        r#""NaN""#,
        r#""2026-13-45T99:99:99Z""#,
        r#""2026-01-01""#,
        r#""-9999999-01-01T00:00:00Z""#,
        r#""9999-12-31T23:59:60Z""#,
        r#""evt_01h455vb4pex5vsknk084sn02q""#,
        r#""<script>alert(1)</script>""#,
        r#""' or 1=1 --""#,
        r#""../../etc/passwd""#,
        r#""%00%ff""#,
        r#""${jndi:ldap://x}""#,
        r#""*""#,
        r#""**""#,
        r#""order..*""#,
        r#"".*""#,
    ];
    all.extend(strings.map(|text| value(text, "string")));
    all.extend([300, 10_000, 100_000].map(|length| value(format!("\"{}\"", "x".repeat(length)), "string")));
    all.extend(
        ["[]", "[null]", "[[]]", "[{}]", "[1,\"a\",{}]", "[null,null,true]", "[null,null]", "[1,1]"]
            .map(|text| value(text, "array")),
    );
    all.push(value(format!("[{}0]", "0,".repeat(20_000)), "array"));
    all.extend(
        ["{}", r#"{"a":1}"#, r#"{"a":{"b":[]}}"#, r#"{"":null}"#, r#"{"a":1,"a":2}"#]
            .map(|text| value(text, "object")),
    );
    all
}
