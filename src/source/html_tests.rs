//! Promises about the reading of HTML: what somebody else's tokenizer, which has all of the standard, finds on a page
//! is what ours finds, on pages that people write and on what becomes of them by damage.

use html5gum::Tokenizer;
use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};

use super::html::{Anchor, Element, scan};

fn ours(page: &[u8]) -> Vec<Element> {
    let mut found = vec![];
    scan(page, &mut |element| found.push(element));
    found
}

/// What html5gum finds.
fn theirs(page: &[u8]) -> Vec<Element> {
    let mut found = vec![];
    let mut name = vec![];
    let mut attributes: Vec<(Vec<u8>, String)> = vec![];
    let mut emitter = CallbackEmitter::new(|event: CallbackEvent<'_>, _: html5gum::Span<()>| -> Option<()> {
        match event {
            CallbackEvent::OpenStartTag { name: opened } => {
                name = opened.to_vec();
                attributes.clear();
            }
            CallbackEvent::AttributeName { name } => attributes.push((name.to_vec(), String::new())),
            CallbackEvent::AttributeValue { value } => {
                attributes.last_mut().unwrap().1 = String::from_utf8_lossy(value).into_owned();
            }
            CallbackEvent::CloseStartTag { .. } => found.extend(element(&name, &attributes)),
            _ => {}
        }
        None
    });
    emitter.naively_switch_states(true);
    Tokenizer::new_with_emitter(page, emitter).for_each(drop);
    found
}

fn element(name: &[u8], attributes: &[(Vec<u8>, String)]) -> Option<Element> {
    let value = |wanted: &str| {
        let found = attributes.iter().find(|(name, _)| name == wanted.as_bytes());
        found.map(|(_, value)| value.clone())
    };
    match name {
        b"base" => value("href").map(Element::Base),
        b"meta" if value("name")?.eq_ignore_ascii_case("pypi:repository-version") => {
            value("content").map(Element::Version)
        }
        b"a" => Some(Element::Anchor(Anchor {
            href: value("href")?,
            requires_python: value("data-requires-python"),
            yanked: value("data-yanked"),
            core_metadata: value("data-core-metadata"),
            dist_info_metadata: value("data-dist-info-metadata"),
        })),
        _ => None,
    }
}

fn hrefs(page: &str) -> Vec<String> {
    let anchors = ours(page.as_bytes()).into_iter().filter_map(|element| match element {
        Element::Anchor(anchor) => Some(anchor.href),
        _ => None,
    });
    anchors.collect()
}

fn assert_agreement(page: &[u8]) {
    assert_eq!(ours(page), theirs(page), "{:?}", String::from_utf8_lossy(page));
}

/// Pages that are tricky to read, and the addresses on them.
const PAGES: &[(&str, &[&str])] = &[
    ("<a href=x>", &["x"]),
    ("<A HREF = 'x' >x</A>", &["x"]),
    ("<a\nhref\t=\x0c\"x\"/>", &["x"]),
    ("<a href=x/>", &["x/"]),
    ("<a/href=x/y>", &["x/y"]),
    ("<a href>", &[""]),
    ("<a href=>", &[""]),
    ("<a href= >y", &[""]),
    ("<a href='x'class=y>", &["x"]),
    ("<a href='a>b'>", &["a>b"]),
    ("<a href=\"a'b\">", &["a'b"]),
    ("<a href=a\"b'c`d=e<f>", &["a\"b'c`d=e<f"]),
    ("<a href=x href=y>", &["x"]),
    ("<a =href=x>", &[]),
    ("<a x=1 /= href=y>", &["y"]),
    ("<a href=x", &[]),
    ("<a href='x>", &[]),
    ("<a href='x'", &[]),
    ("<a href", &[]),
    ("<a", &[]),
    ("<", &[]),
    ("</", &[]),
    ("< a href=x><a href=y>", &["y"]),
    ("<<a href=x>", &["x"]),
    ("<a<a href=x>", &[]),
    ("<abbr href=x><address href=y><b a href=z>", &[]),
    ("</a href=x><a href=y>", &["y"]),
    ("</a title='<a href=x>'><a href=y>", &["y"]),
    ("</a = 'x><a href=y>", &["y"]),
    ("<p title='<a href=x>'><a href=y>", &["y"]),
    ("</><a href=x>", &["x"]),
    ("</ <a href=x><a href=y>", &["y"]),
    ("<?php <a href=x>?><a href=y>", &["y"]),
    ("<!doctype html \"<a href=x>\"><a href=y>", &["y"]),
    ("<![CDATA[<a href=x>]]><a href=y>", &["y"]),
    ("<!--<a href=x>--><a href=y>", &["y"]),
    ("<!--><a href=x><!---><a href=y><!----><a href=z>", &["x", "y", "z"]),
    ("<!--!><a href=x>--><a href=y>", &["y"]),
    ("<!---!><a href=x>--!><a href=y>", &["y"]),
    ("<!-- > -> -- > --!> <a href=x>", &["x"]),
    ("<!-- -- ><a href=x>", &[]),
    ("<!-<a href=x><a href=y>", &["y"]),
    ("<!---", &[]),
    ("<script>'<a href=x>'</script><a href=y>", &["y"]),
    ("<script src=q><!-- <a href=x> </script><a href=y>", &["y"]),
    ("<SCRIPT></scripts><a href=x></sCRIPT ><a href=y>", &["y"]),
    ("<style><a href=x></style/><a href=y>", &["y"]),
    ("<title>Links <a href=x></title a='>'><a href=y>", &["y"]),
    ("<textarea></ textarea><a href=x></textarea", &[]),
    ("<title/><a href=x></title><a href=y>", &["y"]),
    ("<xmp><iframe></xmp><a href=x><iframe></xmp><a href=y>", &["x"]),
    ("<a href=x><plaintext><a href=y></plaintext><a href=z>", &["x"]),
    ("<svg><a href=x></svg>", &["x"]),
    ("<a href='?a=1&amp;b=2'>", &["?a=1&b=2"]),
    ("<a href='?a=1&b=2&lt=3&gt4&amp'>", &["?a=1&b=2&lt=3&gt4&"]),
    ("<a href='&lt;&gt;&quot;&apos;&AMP;&apos'>", &["<>\"'&&apos"]),
    ("<a href='&amp;amp;&amp;#38;&&amp;'>", &["&amp;&#38;&&"]),
    ("<a href=&#47;&#x2F;&#X2f&#047x&#;&#x;&#>", &["////x&#;&#x;&#"]),
    ("<a href='&#0;&#xD800;&#x110000;&#99999999999999999999;'>", &["\u{fffd}\u{fffd}\u{fffd}\u{fffd}"]),
    ("<a href='&amp,&lt.&gt-&quot '>", &["&,<.>-\" "]),
    ("<a href='a\r\nb\rc\nd\0e'>", &["a\nb\nc\nd\u{fffd}e"]),
    ("<a href='ä'><a href=ö>", &["ä", "ö"]),
    ("\u{feff}<a href=x>", &["x"]),
    ("<a\0 href=x><a hr\0ef=x>", &[]),
    ("<base href=/b><BASE target=x><meta name=x content=y><a href=x>", &["x"]),
    ("<meta content='1.0' name=pypi:repository-version><meta name='PyPI:Repository-Version' content=2>", &[]),
    (
        "<a data-yanked data-requires-python='&gt;=3.8,&lt;4' data-core-metadata=sha256=00 \
         data-dist-info-metadata='true' href=x#md5=00>x</a>",
        &["x#md5=00"],
    ),
];

#[test]
fn tricky_pages_are_read_as_the_standard_says() {
    for (page, expected) in PAGES {
        assert_eq!(hrefs(page), *expected, "{page}");
        assert_agreement(page.as_bytes());
    }
    assert_agreement(b"<a href='\xff\xc3'>");
}

/// The differences there are.
#[test]
fn what_no_page_of_packages_needs_is_left_out() {
    let cases: [(&str, &[&str]); 4] = [
        // Names of characters beyond XML's.
        ("<a href='a&plus;b&ouml;'>", &["a&plus;b&ouml;"]),
        // Numbers that were once read as those of Windows' code page.
        ("<a href='&#150;'>", &["\u{96}"]),
        // A script that hides a script in a comment.
        ("<script><!--<script></script><a href=x>--></script><a href=y>", &["x", "y"]),
        // Who runs no scripts sees what is meant for him.
        ("<noscript><a href=x></noscript>", &["x"]),
    ];
    for (page, expected) in cases {
        assert_eq!(hrefs(page), expected, "{page}");
        assert_ne!(ours(page.as_bytes()), theirs(page.as_bytes()), "{page} is no difference any more");
    }
}

/// Numbers that look random and are the same every time (xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap() % bound
    }

    fn one_of<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.below(choices.len())]
    }
}

const PIECES: &[&str] = &[
    "<a ",
    "<a",
    "</a>",
    "<A HREF=",
    "href",
    "href=",
    " href='",
    "href = \"",
    "'",
    "\"",
    ">",
    "<",
    "/",
    "/>",
    "</",
    "=",
    " ",
    "\n",
    "\r\n",
    "\r",
    "\t",
    "\x0c",
    "\0",
    "x",
    "1.0.whl",
    "ä",
    "&",
    "&amp;",
    "&lt",
    "&gt;",
    "&quot",
    ";",
    "&#",
    "&#x",
    "38",
    "2F",
    "#egg=x",
    "<!--",
    "-->",
    "--!>",
    "--",
    "-",
    "!",
    "<!",
    "<!doctype",
    "<?",
    "<script>",
    "</script",
    "<style ",
    "</style>",
    "<title>",
    "</title>",
    "</TITLE ",
    "<textarea/>",
    "</textarea>",
    "<xmp>",
    "</xmp>",
    "<base href=y>",
    "<meta name=pypi:repository-version content=1.0>",
    "<meta ",
    "name=",
    "content=",
    " data-yanked",
    " data-requires-python='&gt;=3'",
    "data-core-metadata=",
    "<p title=",
    "<b>",
];

/// Whether the page has what is left out on purpose (see above).
fn is_excepted(page: &[u8]) -> bool {
    let text = String::from_utf8_lossy(page).to_ascii_lowercase();
    let names = text.split('&').skip(1).map(|rest| rest.split(|c: char| !c.is_ascii_alphabetic()).next());
    let known = ["", "amp", "lt", "gt", "quot", "apos"];
    let unknown_name = names.flatten().any(|name| !known.contains(&name));
    unknown_name || text.contains("<!--") && text.matches("<script").count() > 1
}

#[test]
fn pages_made_at_random_are_read_as_somebody_elses_tokenizer_reads_them() {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let mut found = 0;
    for _ in 0..30_000 {
        let pieces = 1 + numbers.below(24);
        let page: String = (0..pieces).map(|_| numbers.one_of(PIECES)).collect();
        if !is_excepted(page.as_bytes()) {
            assert_agreement(page.as_bytes());
            found += ours(page.as_bytes()).len();
        }
    }
    assert!(found > 5_000, "only {found} elements: these pages prove little");
}

#[test]
fn damaged_pages_are_read_as_somebody_elses_tokenizer_reads_them() {
    let pages: Vec<&str> = PAGES.iter().map(|(page, _)| *page).collect();
    let whole = pages.join("\n<a href='next'>next</a>\n");
    let bytes: &[&[u8]] =
        &[b"<", b">", b"'", b"\"", b"=", b"/", b"-", b"!", b"&", b";", b"#", b" ", b"a", b"\xff", b""];
    let mut numbers = Numbers(7);
    for _ in 0..3_000 {
        let mut page = whole.clone().into_bytes();
        let start = numbers.below(page.len());
        let length = numbers.below(300);
        page = page[start..page.len().min(start + length)].to_vec();
        for _ in 0..numbers.below(4) {
            let at = numbers.below(page.len() + 1);
            let end = page.len().min(at + numbers.below(3));
            page.splice(at..end, numbers.one_of(bytes).iter().copied());
        }
        if !is_excepted(&page) {
            assert_agreement(&page);
        }
    }
}

#[test]
fn pages_made_to_take_long_do_not() {
    for piece in
        ["<", "<a ", "<!--", "<!-- >", "</", "<title>", "<a href='", "a=", "&", "&#", "<script></", "-->"]
    {
        let page = piece.repeat((4 << 20) / piece.len());
        assert_eq!(ours(page.as_bytes()), [], "{piece}");
    }
}
