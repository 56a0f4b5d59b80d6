//! Tests of markup.

use proptest::prelude::*;

use super::*;

fn html(text: &str) -> String {
    match tidy(text) {
        Some(Value::Html(html)) => html,
        other => panic!("{text:?} gives {other:?}"),
    }
}

#[test]
fn html_becomes_lines_of_text() {
    // Breaks and paragraphs become lines, styles and tags go, entities are read.
    let page = "<html><head><style>p {a}</style></head><body>\r\n<p>One &amp; two</p>\
                <div>three<br/>four</div></body></html>";
    assert_eq!(plain(page), "One & two\nthree\nfour");
    assert_eq!(plain("cut <b"), "cut");
    assert_eq!(plain("plain"), "plain");
}

#[test]
fn appt_out_13_what_a_person_formats_is_kept() {
    // Paragraphs, lists, emphasis, tables and links come through; the page around them goes.
    let page = "<!DOCTYPE html><html><head><meta charset=utf-8></head><body class=\"x\">\r\n\
                <P STYLE=\"color:red\">One <B>two</B>  three</P>\r\n<ul><li>a</li><li>b</li></ul>\
                <a href='https://a.example/?x=1&y=2' onclick=x()>link</a></body></html>";
    let expected = "<p>One <b>two</b> three</p><ul><li>a</li><li>b</li></ul>\
                    <a href=\"https://a.example/?x=1&amp;y=2\">link</a>";
    assert_eq!(html(page), expected);
}

#[test]
fn appt_out_13_nothing_that_acts_or_loads_is_kept() {
    // Scripts, handlers, images, frames, forms and odd links go; their text stays where it is text.
    for (page, expected) in [
        ("<p onload=a()>x<script>alert('</p>')</script></p>", "<p>x</p>"),
        ("<p><img src=x onerror=a()>x</p>", "<p>x</p>"),
        ("<a href=\"javascript:a()\">x</a><br>y", "x<br>y"),
        ("<a href=\" java\nscript:a()\">x</a><br>y", "x<br>y"),
        ("<a data-href=\"https://x.example\">x</a><br>y", "x<br>y"),
        ("<iframe src=x>in</iframe><b>x</b>", "<b>x</b>"),
        ("<p title=\"a>b\">x</p>", "<p>x</p>"),
        ("<b>1 < 2 & 3</b>", "<b>1 &lt; 2 &amp; 3</b>"),
        ("<b>&lt;script&gt;</b>", "<b>&lt;script&gt;</b>"),
        ("<scr<script>ipt>x</script><b>y</b>", "ipt&gt;x<b>y</b>"),
        ("<i><b>x</i>y</b>", "<i><b>x</b></i>y"),
        ("<p>x", "<p>x</p>"),
    ] {
        assert_eq!(html(page), expected, "{page}");
    }
}

#[test]
fn appt_out_13_a_line_without_a_format_is_text() {
    // What no one formatted is the text that it was; a page of breaks is nothing.
    let text = |text: &str| Some(Value::Text(text.to_owned()));
    assert_eq!(tidy("<html><body>Hello  there</body></html>"), text("Hello there"));
    assert_eq!(tidy("<span style=\"x\">Grüße</span><br>"), text("Grüße"));
    assert_eq!(tidy("<html><head></head><body><br><br></body></html>"), None);
    assert_eq!(tidy("AT&T"), Some(Value::Html("AT&amp;T".to_owned())));
    assert!(same(&Value::Text("a\nb".to_owned()), &Value::Html("a<br>b".to_owned())));
    assert!(!same(&Value::Text("a\nc".to_owned()), &Value::Html("a<br>b".to_owned())));
    assert!(!same(&Value::Html("<b>a</b>".into()), &Value::Html("<i>a</i>".into())));
}

#[test]
fn appt_out_13_a_text_is_markup_by_a_tag_or_an_entity() {
    // What a person wrote with a sign of less, or a bare ampersand, is no HTML.
    for (text, expected) in [
        ("a\nb", false),
        ("1 < 2", false),
        ("AT&T", false),
        ("<3 you", false),
        ("a <b", false),
        ("<p>a</p>", true),
        ("a<br/>b", true),
        ("a &amp; b", true),
    ] {
        assert_eq!(is_markup(text), expected, "{text}");
    }
}

fn pieces_of_html() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("<p>"),
        Just("</p>"),
        Just("<b>"),
        Just("</b>"),
        Just("<br>"),
        Just("<br/>"),
        Just("<i>"),
        Just("</i>"),
        Just("<div class='a'>"),
        Just("</div>"),
        Just("<li>"),
        Just("</ul>"),
        Just("<a href=\"https://x.example/ a\">"),
        Just("<a href=x>"),
        Just("</a>"),
        Just(" "),
        Just("\r\n"),
        Just("word"),
        Just("&amp;"),
        Just("&lt;"),
        Just("&"),
        Just("<"),
        Just(">"),
        Just("&nbsp;"),
        Just("\u{e4}"),
        Just("<!-- x -->"),
        Just("<style>"),
        Just("</style>"),
        Just("<span>"),
        Just("</span>"),
        Just("\""),
        Just("<hr>"),
        Just("&amp;lt;"),
        Just("<td>"),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|list| list.concat())
}

proptest! {
    #[test]
    fn appt_out_13_tidied_twice_is_tidied_once(text in prop_oneof![pieces_of_html(), any::<String>()]) {
        // A round trip is stable: what was tidied stays as it is.
        match tidy(&text) {
            Some(Value::Html(html)) => prop_assert_eq!(tidy(&html), Some(Value::Html(html))),
            Some(Value::Text(text)) => prop_assert_eq!(tidy(&text), Some(Value::Text(text))),
            other => prop_assert_eq!(other, None),
        }
    }

    #[test]
    fn appt_out_13_no_input_brings_anything_active_through(text in prop_oneof![pieces_of_html(), any::<String>()]) {
        // Whatever comes in, each tag that goes out is a kept one without attributes but a link's.
        let Some(Value::Html(html)) = tidy(&text) else { return Ok(()) };
        for (at, _) in html.match_indices('<') {
            let tag = html[at + 1..].split('>').next().unwrap().trim_start_matches('/');
            let name = tag.split(' ').next().unwrap();
            prop_assert!(KEPT.contains(&name), "{}", html);
            prop_assert!(tag == name || tag.starts_with("a href=\""), "{}", html);
        }
    }
}
