//! Promises about what pages, listings and directories are read as: the examples of the PEPs, what web servers
//! produce, and what nobody should.
#![allow(clippy::disallowed_methods)]

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::Duration;

use url::Url;

use super::address::AddressFault;
use super::file::{File, Location};
use super::listing::Listing;
use super::remote_file::{RemoteFile, RemoteFileError};
use super::*;
use crate::config::SourceType;
use crate::net::testing::{Act, Server, answer, net};
use crate::net::{Validators, show_url};
use crate::package::filename::Format;
use crate::package::name::ProjectName;
use crate::time::{Deadline, Timestamp};

const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const MD5: &str = "900150983cd24fb0d6963f7d28e17f72";
const WHEEL: &str = "holygrail-1.0-py3-none-any.whl";

fn project(name: &str) -> ProjectName {
    name.parse().unwrap()
}

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(20))
}

fn page_of(content_type: &str, text: impl AsRef<[u8]>) -> Page {
    Page {
        validators: Validators::default(),
        content_type: content_type.to_owned(),
        url: url("https://example.com/simple/holygrail/"),
        bytes: text.as_ref().to_vec(),
    }
}

fn read_page(text: impl AsRef<[u8]>) -> Result<Listing, PageFault> {
    page::read(&page_of("text/html", text), &project("holygrail"))
}

fn files(text: impl AsRef<[u8]>) -> Vec<File> {
    read_page(text).unwrap().files
}

fn one(text: impl AsRef<[u8]>) -> File {
    let mut files = files(text);
    assert_eq!(files.len(), 1, "{files:?}");
    files.remove(0)
}

fn address(file: &File) -> String {
    match &file.location {
        Location::Url(url) | Location::Object { url, .. } | Location::Direct(url) => url.to_string(),
        Location::Path(path) => path.display().to_string(),
        Location::Checkout(checkout) => checkout.to_string(),
    }
}

fn addresses(files: &[File]) -> Vec<String> {
    files.iter().map(address).collect()
}

fn hashes(file: &File) -> String {
    file.hashes.to_string()
}

/// A JSON page with that one file's keys.
fn json_file(keys: &str) -> String {
    format!(r#"{{"meta":{{"api-version":"1.1"}},"name":"holygrail","files":[{{{keys}}}]}}"#)
}

fn json_wheel(keys: &str) -> File {
    one(json_file(&format!(r#""filename":"{WHEEL}","url":"{WHEEL}","hashes":{{}}{keys}"#)))
}

fn anchor(attributes: &str) -> File {
    one(format!("<!DOCTYPE html><html><body><a href=\"{WHEEL}\" {attributes}>x</a></body></html>"))
}

mod pep_691_json {
    use super::*;

    #[test]
    fn the_peps_own_example_is_read() {
        let text = format!(
            r#"{{
              "meta": {{"api-version": "1.0"}},
              "name": "holygrail",
              "files": [
                {{
                  "filename": "holygrail-1.0.tar.gz",
                  "url": "https://example.com/files/holygrail-1.0.tar.gz",
                  "hashes": {{"sha256": "{ABC}", "blake2b": "…"}},
                  "requires-python": ">=3.7",
                  "yanked": "Had a vulnerability"
                }},
                {{
                  "filename": "holygrail-1.0-py3-none-any.whl",
                  "url": "/files/holygrail-1.0-py3-none-any.whl#sha256={ABC}",
                  "hashes": {{"md5": "{MD5}"}},
                  "requires-python": ">=3.7",
                  "dist-info-metadata": true,
                  "size": 123456, "upload-time": "2022-09-21T10:00:00.123456Z", "novelty": [{{}}]
                }}
              ], "versions": ["1.0"]
            }}"#
        );
        let found = files(text);
        assert_eq!(
            addresses(&found),
            [
                "https://example.com/files/holygrail-1.0.tar.gz",
                "https://example.com/files/holygrail-1.0-py3-none-any.whl"
            ]
        );
        assert_eq!(hashes(&found[0]), format!("sha256={ABC}"));
        assert_eq!(hashes(&found[1]), format!("md5={MD5} sha256={ABC}"));
        assert_eq!(found[0].yanked.as_deref(), Some("Had a vulnerability"));
        assert_eq!(found[0].name.format, Format::Sdist);
        assert_eq!((found[0].size, found[0].uploaded, &found[0].metadata), (None, None, &None));
        assert_eq!(found[1].yanked, None);
        assert_eq!(found[1].requires_python.as_deref(), Some(">=3.7"));
        assert_eq!(found[1].size, Some(123_456));
        assert_eq!(found[1].uploaded, Timestamp::parse_rfc3339("2022-09-21T10:00:00Z"));
        assert!(found[1].metadata.as_ref().is_some_and(crate::trust::hashes::Hashes::is_empty));
    }

    #[test]
    fn yanked_is_true_or_a_reason() {
        for (value, yanked) in [
            ("true", Some("")),
            (r#""bad""#, Some("bad")),
            ("false", None),
            (r#""""#, None),
            ("null", None),
            ("1", None),
        ] {
            assert_eq!(json_wheel(&format!(r#","yanked":{value}"#)).yanked.as_deref(), yanked, "{value}");
        }
    }

    #[test]
    fn core_metadata_goes_before_its_old_name() {
        let sha256 = format!(r#"{{"sha256":"{ABC}"}}"#);
        for (keys, expected) in [
            (format!(r#","core-metadata":{sha256}"#), Some(format!("sha256={ABC}"))),
            (r#","core-metadata":false,"dist-info-metadata":true"#.to_owned(), None),
            (r#","core-metadata":true,"dist-info-metadata":false"#.to_owned(), Some(String::new())),
            (format!(r#","dist-info-metadata":{sha256}"#), Some(format!("sha256={ABC}"))),
            (r#","core-metadata":"yes""#.to_owned(), None),
        ] {
            assert_eq!(json_wheel(&keys).metadata.map(|hashes| hashes.to_string()), expected, "{keys}");
        }
    }

    #[test]
    fn wrong_types_spoil_their_value_or_their_file_and_nothing_else() {
        let file = json_wheel(r#","size":-1,"upload-time":7,"requires-python":[],"yanked":{}"#);
        assert_eq!((file.size, file.uploaded, file.requires_python, file.yanked), (None, None, None, None));
        let bad = r#"null, 7, [], {"url": 7}, {"filename":"x.whl","url":"x.whl"}, {"filename":"holygrail-1.0.tar.gz"}"#;
        let good = format!(r#"{{"filename":"{WHEEL}","url":"{WHEEL}"}}"#);
        let listing = read_page(format!(r#"{{"files":[{bad},{good}]}}"#)).unwrap();
        assert_eq!((listing.files.len(), listing.skipped), (1, 6));
    }

    #[test]
    fn what_is_no_list_is_refused_with_a_reason() {
        let fault = |text: &str| read_page(text).unwrap_err();
        assert_eq!(fault(r#"{"message": "Not found"}"#), PageFault::NoList);
        assert_eq!(fault(""), PageFault::NoList);
        for text in [
            "{",
            r#"{"files": null}"#,
            r#"{"files": {}}"#,
            r#"{"files": []} trailing"#,
            "{\"files\": [\"\\ud800\"]}",
        ] {
            assert!(matches!(fault(text), PageFault::Json(_)), "{text}");
        }
        let answer = page::read(&page_of("application/json", "[]"), &project("holygrail"));
        assert!(matches!(answer, Err(PageFault::Json(_))));
        assert_eq!(files(r#"{"files": []}"#), []);
    }

    #[test]
    fn another_major_version_is_refused_and_a_minor_one_is_not() {
        let with =
            |version: &str| read_page(format!(r#"{{"files":[],"meta":{{"api-version":"{version}"}}}}"#));
        assert_eq!(with("1.99").unwrap().files, []);
        assert_eq!(with("2.0"), Err(PageFault::ApiVersion("2.0".into())));
        let other_shape = r#"{"meta":{"api-version":"2.0"},"files":{"x":1}}"#;
        assert_eq!(read_page(other_shape), Err(PageFault::ApiVersion("2.0".into())));
        let typed = page_of("application/vnd.pypi.simple.v2+json", r#"{"files":[]}"#);
        assert_eq!(page::read(&typed, &project("holygrail")), Err(PageFault::ApiVersion("2".into())));
    }

    #[test]
    fn endless_nesting_ends() {
        for (open, close) in [("[", "]"), (r#"{"a":"#, "}"), (r#"{"hashes":"#, "}")] {
            let deep = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
            let text = format!(r#"{{"files":[{deep}]}}"#);
            match read_page(text) {
                Ok(listing) => assert_eq!((listing.files.len(), listing.skipped), (0, 1), "{open}"),
                Err(fault) => assert!(matches!(fault, PageFault::Json(_)), "{open}"),
            }
            let ignored = format!(r#"{{"novelty":{deep},"files":[]}}"#);
            assert_eq!(read_page(ignored), Ok(Listing::default()));
        }
    }
}

mod pep_503_html {
    use super::*;

    #[test]
    fn a_page_as_pypi_sends_it_is_read() {
        let text = format!(
            r#"<!DOCTYPE html>
<html>
  <head>
    <meta name="pypi:repository-version" content="1.3">
    <title>Links for holygrail</title>
  </head>
  <body>
    <h1>Links for holygrail</h1>
<a href="https://files.example.com/packages/aa/holygrail-0.9.tar.gz#sha256={ABC}" data-gpg-sig="true">holygrail-0.9.tar.gz</a><br />
<a href="../../packages/holygrail-1.0-py3-none-any.whl#sha256={ABC}" data-requires-python="&gt;=3.7,&lt;4" data-dist-info-metadata="sha256={ABC}" data-core-metadata="sha256={ABC}">holygrail-1.0-py3-none-any.whl</a><br />
</body>
</html>
<!--SERIAL 42-->"#
        );
        let listing = read_page(text).unwrap();
        let found = &listing.files;
        assert_eq!(
            addresses(found),
            [
                "https://files.example.com/packages/aa/holygrail-0.9.tar.gz",
                "https://example.com/packages/holygrail-1.0-py3-none-any.whl"
            ]
        );
        assert_eq!(hashes(&found[0]), format!("sha256={ABC}"));
        assert_eq!(found[1].requires_python.as_deref(), Some(">=3.7,<4"));
        assert_eq!(found[1].metadata.as_ref().map(ToString::to_string), Some(format!("sha256={ABC}")));
        assert_eq!(listing.skipped, 0);
    }

    #[test]
    fn attributes_mean_what_the_peps_say() {
        assert_eq!(anchor("data-yanked").yanked.as_deref(), Some(""));
        assert_eq!(anchor("data-yanked=\"\"").yanked.as_deref(), Some(""));
        assert_eq!(anchor("data-yanked='a &amp; b'").yanked.as_deref(), Some("a & b"));
        assert_eq!(anchor("DATA-YANKED=x data-yanked=y").yanked.as_deref(), Some("x"));
        assert_eq!(anchor("").yanked, None);
        for (attributes, expected) in [
            ("data-core-metadata=true", Some("")),
            ("data-dist-info-metadata=true", Some("")),
            ("data-core-metadata=false data-dist-info-metadata=true", None),
            ("data-core-metadata=sha256=abc", None),
        ] {
            let metadata = anchor(attributes).metadata.map(|hashes| hashes.to_string());
            assert_eq!(metadata.as_deref(), expected, "{attributes}");
        }
        assert_eq!(anchor("data-requires-python=''").requires_python, None);
    }

    #[test]
    fn the_base_element_moves_relative_links() {
        let with = |base: &str| {
            let file = one(format!("<html><base href=\"{base}\"><a href=\"{WHEEL}\">x</a>"));
            address(&file)
        };
        assert_eq!(with("https://cdn.example.org/x/"), format!("https://cdn.example.org/x/{WHEEL}"));
        assert_eq!(with("../y/"), format!("https://example.com/simple/y/{WHEEL}"));
        assert_eq!(with("javascript:alert(1)"), format!("https://example.com/simple/holygrail/{WHEEL}"));
    }

    #[test]
    fn only_reachable_distributions_of_the_project_count() {
        let hrefs = [
            "javascript:alert('holygrail-1.0.tar.gz')",
            "data:text/plain,holygrail-1.0.tar.gz",
            "file:///etc/holygrail-1.0.tar.gz",
            "http://example.com/holygrail-1.0.tar.gz",
            "ftp://example.com/holygrail-1.0.tar.gz",
            "https:///holygrail-1.0.tar.gz?",
            "holygrail-1.0.exe",
            "holygrail-1.0.tar.gz.asc",
            "otherproject-1.0.tar.gz",
            "..%2f..%2fholygrail-1.0.tar.gz",
            "http://[::bad/holygrail-1.0.tar.gz",
            "",
            "../",
            WHEEL,
        ];
        let anchors: Vec<String> = hrefs.iter().map(|href| format!("<a href=\"{href}\">x</a>")).collect();
        let listing = read_page(format!("<html>{}<a name=top>y</a></html>", anchors.concat())).unwrap();
        assert_eq!(addresses(&listing.files), [format!("https://example.com/simple/holygrail/{WHEEL}")]);
        assert_eq!(listing.skipped, hrefs.len() - 1);
    }

    #[test]
    fn bytes_that_are_no_text_do_not_hurt() {
        let mut page = b"<html>\xff\xfe\x00<a href=\"caf\xe9.whl\" data-yanked=\"\xe9\">\xff</a>".to_vec();
        page.extend_from_slice(format!("<a href='{WHEEL}' data-yanked='").as_bytes());
        page.extend_from_slice(b"\xe9'>x</a>");
        let file = one(page);
        assert_eq!((file.filename.as_str(), file.yanked.as_deref()), (WHEEL, Some("\u{fffd}")));
    }

    #[test]
    fn a_page_may_have_very_many_or_broken_anchors() {
        let many = format!("<html>{}", format!("<a href={WHEEL}>").repeat(50_000));
        assert_eq!(files(&many).len(), 50_000);
        assert_eq!(read_page(format!("{many}<a href={WHEEL}>")), Err(PageFault::TooMany));
        let nested = format!("<html>{}<a href={WHEEL}>", "<div>".repeat(100_000));
        assert_eq!(files(nested).len(), 1);
        assert_eq!(
            read_page(format!("<html><h1>Links for x</h1><a href=\"{}", "x".repeat(1 << 20))).unwrap().files,
            []
        );
        let hidden = format!("<html><script>'<a href={WHEEL}>'</script><!-- <a href={WHEEL}> --><a href=x>");
        assert_eq!(files(hidden), []);
    }

    #[test]
    fn an_error_page_is_told_from_an_empty_list() {
        assert_eq!(read_page("<html><h1>502 Bad Gateway</h1></html>"), Err(PageFault::NoList));
        assert_eq!(read_page("Service unavailable"), Err(PageFault::NoList));
        for empty in [
            "<html><head><title>Links for holygrail</title></head><body></body></html>",
            "<!DOCTYPE html><meta name='pypi:repository-version' content='1.0'>",
        ] {
            assert_eq!(read_page(empty), Ok(Listing::default()));
        }
    }

    #[test]
    fn another_major_version_is_refused() {
        let page = format!("<meta content=2.0 name=pypi:repository-version><a href={WHEEL}>");
        assert_eq!(read_page(page), Err(PageFault::ApiVersion("2.0".into())));
    }
}

mod pypi_json {
    use super::*;

    #[test]
    fn files_of_all_releases_are_found_once() {
        let file = |name: &str, rest: &str| {
            format!(
                r#"{{"filename":"{name}","url":"https://files.example.com/{name}","packagetype":"x"{rest}}}"#
            )
        };
        let newest = file(
            WHEEL,
            &format!(
                r#","digests":{{"md5":"{MD5}","sha256":"{ABC}"}},"md5_digest":"{MD5}","requires_python":">=3.7","yanked":true,"yanked_reason":null,"upload_time_iso_8601":"2026-01-02T03:04:05.6Z","size":5,"python_version":"py3""#
            ),
        );
        let egg = file(
            "holygrail-0.9.egg",
            &format!(r#","md5_digest":"{MD5}","python_version":"2.7","requires_python":null"#),
        );
        let text = format!(
            r#"{{"info":{{"name":"holygrail"}},"last_serial":1,"urls":[{newest}],"releases":{{"0.9":[{egg}],"1.0":[{newest}]}}}}"#
        );
        let found = files(text);
        assert_eq!(
            found.iter().map(|file| file.filename.as_str()).collect::<Vec<_>>(),
            [WHEEL, "holygrail-0.9.egg"]
        );
        assert_eq!(hashes(&found[0]), format!("md5={MD5} sha256={ABC}"));
        assert_eq!(found[0].yanked.as_deref(), Some(""));
        assert_eq!(found[0].size, Some(5));
        assert_eq!(found[0].uploaded, Timestamp::parse_rfc3339("2026-01-02T03:04:05Z"));
        assert_eq!(hashes(&found[1]), format!("md5={MD5}"));
        assert_eq!(found[1].name.format, Format::Egg { python: Some("2.7".into()), platform: None });
        assert_eq!((found[1].requires_python.as_ref(), found[1].yanked.as_ref()), (None, None));
    }

    #[test]
    fn releases_may_be_gone() {
        assert_eq!(files(r#"{"urls":[],"releases":null}"#), []);
    }
}

mod links_pages {
    use super::*;

    const APACHE: &str = r#"<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 3.2 Final//EN">
<html>
 <head>
  <title>Index of /eggs</title>
 </head>
 <body>
<h1>Index of /eggs</h1>
  <table>
   <tr><th valign="top"><img src="/icons/blank.gif" alt="[ICO]"></th><th><a href="?C=N;O=D">Name</a></th><th><a href="?C=M;O=A">Last modified</a></th><th><a href="?C=S;O=A">Size</a></th></tr>
   <tr><th colspan="5"><hr></th></tr>
<tr><td valign="top"><img src="/icons/back.gif" alt="[PARENTDIR]"></td><td><a href="/">Parent Directory</a></td><td>&nbsp;</td></tr>
<tr><td valign="top"><img src="/icons/unknown.gif" alt="[   ]"></td><td><a href="holygrail-1.0-py3-none-any.whl">holygrail-1.0-py3-non..&gt;</a></td><td align="right">2026-01-01 00:00  </td></tr>
<tr><td valign="top"><img src="/icons/compressed.gif" alt="[   ]"></td><td><a href="holygrail-1.0%2blocal.tar.gz">holygrail-1.0+local.t..&gt;</a></td></tr>
<tr><td valign="top"><img src="/icons/folder.gif" alt="[DIR]"></td><td><a href="old/">old/</a></td></tr>
</table>
</body></html>"#;

    const NGINX: &str = "<html>\r\n<head><title>Index of /eggs/</title></head>\r\n<body>\r\n\
        <h1>Index of /eggs/</h1><hr><pre><a href=\"../\">../</a>\r\n\
        <a href=\"Holy_Grail/\">Holy_Grail/</a>           01-Jan-2026 00:00       -\r\n\
        <a href=\"other/\">other/</a>                     01-Jan-2026 00:00       -\r\n\
        <a href=\"holy_grail-1.0-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl\">\
        holy_grail-1.0-cp312-cp312-manylinux_2_17_x86_6..&gt;</a> 01-Jan-2026 00:00  9\r\n\
        </pre><hr></body>\r\n</html>\r\n";

    fn read(page: &str, name: &str) -> links::Links {
        links::read(page.as_bytes(), &url("https://example.com/eggs/"), &project(name)).unwrap()
    }

    #[test]
    fn apache_listings_are_read_by_their_addresses() {
        let links = read(APACHE, "holygrail");
        assert_eq!(
            addresses(&links.listing.files),
            [
                "https://example.com/eggs/holygrail-1.0-py3-none-any.whl",
                "https://example.com/eggs/holygrail-1.0%2blocal.tar.gz"
            ]
        );
        assert_eq!(links.listing.files[1].filename, "holygrail-1.0+local.tar.gz");
        assert_eq!(links.folders, [url("https://example.com/eggs/old/")]);
        assert_eq!(links.listing.skipped, 1);
    }

    #[test]
    fn nginx_listings_are_read_and_the_projects_own_folder_is_enough() {
        let links = read(NGINX, "holy-grail");
        assert_eq!(
            addresses(&links.listing.files),
            [
                "https://example.com/eggs/holy_grail-1.0-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
            ]
        );
        assert_eq!(links.folders, [url("https://example.com/eggs/Holy_Grail/")]);
    }

    #[test]
    fn fragments_hold_digests_and_names() {
        let page = format!(
            "<a href='https://h/holygrail-1.0-py2.7.egg#egg=holygrail-1.0&md5={MD5}'>a</a>\
             <a href='https://h/archive/v2.0.tar.gz#egg=holygrail-2.0&amp;sha256={ABC}'>b</a>\
             <a href='https://h/archive/v3.0.tar.gz#egg=other-3.0'>c</a>\
             <a href='https://h/holygrail-4.0.zip#md5=short'>d</a>\
             <a href='https://h/archive/v5.0.tar.gz#egg=..%2fholygrail-5.0'>e</a>"
        );
        let links = read(&page, "holygrail");
        let found: Vec<(&str, String)> =
            links.listing.files.iter().map(|file| (file.filename.as_str(), hashes(file))).collect();
        assert_eq!(
            found,
            [
                ("holygrail-1.0-py2.7.egg", format!("md5={MD5}")),
                ("holygrail-2.0.tar.gz", format!("sha256={ABC}")),
                ("holygrail-4.0.zip", String::new())
            ]
        );
        assert_eq!(addresses(&links.listing.files)[1], "https://h/archive/v2.0.tar.gz");
    }

    #[test]
    fn what_is_no_list_of_links_is_told_from_an_empty_one() {
        let read = |page: &str| links::read(page.as_bytes(), &url("https://h/"), &project("x"));
        for page in ["", "Moved", "<form><input type=password></form>", "<!-- <a href=x> -->", "<a name=top>"]
        {
            assert_eq!(read(page), Err(PageFault::NoList), "{page}");
        }
        for page in ["<h1>Index of /</h1>", "<a href='../'>up</a>", "<a href='?C=N'>", "<a href=old/>"] {
            assert_eq!(read(page).unwrap().listing.files, [], "{page}");
        }
    }

    #[test]
    fn a_scripts_other_pages_are_those_of_its_queries_and_paths() {
        let page = "<a href='?C=N;O=D'>sort</a><a href='?dir=a'>a</a><a href='lister.cgi?dir=b#x'>b</a>\
                    <a href='lister.cgi/c/'>c</a><a href='d/'>d</a><a href='lister.cgi/e/f/'>f</a>\
                    <a href='?dir=trunk#egg=x-dev'>g</a><a href='//evil/cgi/lister.cgi?dir=h'>h</a>";
        let read = |address: &str| {
            let links = links::read(page.as_bytes(), &url(address), &project("x")).unwrap();
            let folders: Vec<String> = links.folders.iter().map(ToString::to_string).collect();
            folders
        };
        let all = ["lister.cgi?dir=a", "lister.cgi?dir=b", "lister.cgi/c/", "d/"];
        assert_eq!(read("https://h/cgi/lister.cgi"), all.map(|path| format!("https://h/cgi/{path}")));
        // The page itself is none of them, and where no script is at work a query changes nothing.
        assert_eq!(
            read("https://h/cgi/lister.cgi?dir=a"),
            all[1..].iter().map(|path| format!("https://h/cgi/{path}")).collect::<Vec<_>>()
        );
        assert_eq!(read("https://h/cgi/"), ["https://h/cgi/d/"]);
    }

    #[test]
    fn folders_lie_directly_below_and_are_few() {
        let hrefs = [
            "/",
            "/eggs/",
            "./",
            "../",
            "a/b/",
            "https://evil.example/eggs/c/",
            "//evil.example/eggs/d/",
            "e/?C=N",
            "e/",
            "/eggs/f/",
        ];
        let page = format!("<a href='{}'>x</a>", hrefs.join("'>x</a><a href='"));
        let expected = ["e/", "f/"].map(|name| url("https://example.com/eggs/").join(name).unwrap());
        assert_eq!(read(&page, "holygrail").folders, expected);
        let many: Vec<String> = (0..1000).map(|n| format!("<a href='d{n}/'>x</a>")).collect();
        let many = many.concat();
        assert_eq!(read(&many, "holygrail").folders.len(), links::MOST_FOLDERS);
    }
}

mod directories {
    use super::*;

    #[test]
    fn files_egg_directories_and_the_projects_own_folder_are_listed() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        for name in [WHEEL, "holygrail-1.0.tar.gz", "other-1.0.tar.gz", "holygrail-2.0.whl", "index.html"] {
            std::fs::write(at(name), "12345").unwrap();
        }
        for name in ["holygrail-1.0-py2.7.egg", "holygrail-3.0.tar.gz", "HolyGrail", "other"] {
            std::fs::create_dir(at(name)).unwrap();
        }
        std::fs::write(at("HolyGrail/holygrail-4.0.zip"), "1").unwrap();
        std::fs::write(at("other/holygrail-5.0.zip"), "1").unwrap();
        std::os::unix::fs::symlink("nowhere", at("holygrail-6.0.zip")).unwrap();

        let listing = directory::list(directory.path(), &project("holygrail")).unwrap();
        let mut found: Vec<(String, Option<u64>)> =
            listing.files.iter().map(|file| (address(file), file.size)).collect();
        found.sort();
        let expected = [
            ("HolyGrail/holygrail-4.0.zip", Some(1)),
            ("holygrail-1.0-py2.7.egg", None),
            (WHEEL, Some(5)),
            ("holygrail-1.0.tar.gz", Some(5)),
        ]
        .map(|(name, size)| (at(name).display().to_string(), size));
        assert_eq!(found, expected);
        assert_eq!(listing.skipped, 6);
    }

    #[test]
    fn a_directory_that_is_not_there_is_an_error_and_one_without_the_project_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let ask = |path: &Path| {
            Address::Directory(path.to_owned()).project(&project("x"), &net(), &NoPages, soon())
        };
        assert_eq!(ask(directory.path()).unwrap(), None);
        assert!(
            matches!(ask(&directory.path().join("gone")), Err(SourceError::Directory(error)) if error.is_not_found())
        );
    }
}

mod addresses_as_text {
    use super::*;

    #[test]
    fn the_kind_is_inferred() {
        let base = Path::new("/app");
        for (text, expected) in [
            ("https://example.com/simple", Address::Index(url("https://example.com/simple/"))),
            (" http://u:p@h/simple/ ", Address::Index(url("http://u:p@h/simple/"))),
            ("HTTPS://h", Address::Index(url("https://h/"))),
            ("wheels", Address::Directory("/app/wheels".into())),
            ("../w", Address::Directory("/app/../w".into())),
            ("/srv/wheels", Address::Directory("/srv/wheels".into())),
            ("file:///srv/my%20wheels", Address::Directory("/srv/my wheels".into())),
            ("a:b", Address::Directory("/app/a:b".into())),
        ] {
            assert_eq!(infer(text, base), Ok(expected), "{text}");
        }
        for text in [
            "https://u:p@h/stable/pylock.toml?token=a/b.txt#x",
            "s3://bucket/stable/pylock.toml",
            "pylock.toml",
            "../locks/pylock.beta.toml",
            "file:///srv/pylock.toml",
        ] {
            assert!(matches!(infer(text, base), Ok(Address::Release(_))), "{text}");
        }
        for text in [
            "https://h/pylock.toml/",
            "pylock.a.b.toml",
            "xpylock.toml",
            "pylock.xtoml",
            "pylock..toml",
            "s3://b/pylock",
        ] {
            assert!(!matches!(infer(text, base), Ok(Address::Release(_))), "{text}");
        }
        for (text, reason) in [
            ("s3://b/../pylock.toml", AddressFault::Prefix),
            ("s3://-/pylock.toml", AddressFault::Bucket),
            ("", AddressFault::Empty),
            ("s3://", AddressFault::Bucket),
            ("s3://bucket/../x", AddressFault::Prefix),
            ("ftp://h/", AddressFault::Scheme),
            ("https://", AddressFault::Url),
            ("file://host/share", AddressFault::Remote),
        ] {
            assert_eq!(infer(text, base).unwrap_err().reason, reason, "{text}");
        }
        let error = infer("https://user:secret@[bad/", base).unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
    }

    #[test]
    fn a_given_kind_counts() {
        let links = read("https://h/list.html", SourceType::Links, Path::new("/"));
        assert_eq!(links, Ok(Address::Links(url("https://h/list.html"))));
        let fault = |text: &str, kind| read(text, kind, Path::new("/")).unwrap_err().reason;
        assert_eq!(fault("wheels", SourceType::Links), AddressFault::Url);
        assert_eq!(fault("https://h/", SourceType::Directory), AddressFault::Scheme);
    }

    #[test]
    fn the_public_index_is_one() {
        let public = infer(PUBLIC_INDEX, Path::new("/")).unwrap();
        assert_eq!(public, Address::Index(url(PUBLIC_INDEX)));
    }
}

mod asking {
    use super::*;

    #[derive(Default)]
    struct Remembered(RefCell<HashMap<Url, Page>>);

    impl Pages for Remembered {
        fn load(&self, url: &Url) -> Option<Page> {
            self.0.borrow().get(url).cloned()
        }

        fn save(&self, url: &Url, page: &Page) {
            self.0.borrow_mut().insert(url.clone(), page.clone());
        }
    }

    fn path(head: &str) -> String {
        head.split(' ').nth(1).unwrap().to_owned()
    }

    fn found(source: &Address, pages: &dyn Pages) -> Option<(Vec<String>, bool)> {
        let found = source.project(&project("holygrail"), &net(), pages, soon()).unwrap();
        found.map(|found| (addresses(&found.files), found.unchanged))
    }

    #[test]
    fn a_remembered_page_costs_one_small_answer() {
        let page = format!("<a href={WHEEL}>");
        let server = Server::answering(move |head| match path(head).as_str() {
            "/simple/holygrail/" if head.to_ascii_lowercase().contains("if-none-match: \"v1\"\r\n") => {
                answer("304 Not Modified", &[], b"")
            }
            "/simple/holygrail/" => answer("302 Found", &["Location: /mirror/"], b""),
            "/mirror/" => answer("200 OK", &["ETag: \"v1\""], page.as_bytes()),
            _ => answer("404 Not Found", &[], b""),
        });
        let source =
            infer(&server.at("/simple").to_string().replace("//", "//u:p@"), Path::new("/")).unwrap();
        let pages = Remembered::default();
        let file = server.at(&format!("/mirror/{WHEEL}")).to_string();
        assert_eq!(found(&source, &pages), Some((vec![file.clone()], false)));
        assert_eq!(pages.0.borrow().keys().cloned().collect::<Vec<_>>(), [server.at("/simple/holygrail/")]);
        assert_eq!(server.requests().len(), 2);
        assert_eq!(found(&source, &pages), Some((vec![file], true)));
        let heads = server.requests();
        assert_eq!(heads.len(), 1);
        assert!(heads[0].contains(ACCEPT_LINE), "{}", heads[0]);
    }

    const ACCEPT_LINE: &str = "accept: application/vnd.pypi.simple.v1+json, \
        application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01\r\n";

    #[test]
    fn a_page_that_cannot_be_read_is_not_remembered() {
        let server = Server::new(vec![answer("200 OK", &["ETag: \"v1\""], b"<h1>Oops</h1>")]);
        let pages = Remembered::default();
        let source = Address::Index(server.at("/s/"));
        let error = source.project(&project("holygrail"), &net(), &pages, soon()).unwrap_err();
        let shown = show_url(&server.at("/s/holygrail/"));
        assert_eq!(error.to_string(), format!("cannot use {shown}: not a list of packages"));
        assert!(pages.0.borrow().is_empty());
    }

    #[test]
    fn a_missing_project_is_none_and_a_failing_index_is_an_error() {
        let server = Server::new(vec![answer("404 Not Found", &[], b""), answer("403 Forbidden", &[], b"")]);
        let source = Address::Index(server.url.clone());
        assert_eq!(found(&source, &NoPages), None);
        let error = source.project(&project("holygrail"), &net(), &NoPages, soon());
        assert!(matches!(error, Err(SourceError::Net(_))));
    }

    #[test]
    fn pypis_own_api_is_asked_at_its_base_and_an_index_of_that_name_too() {
        let server = Server::answering(|head| match path(head).as_str() {
            "/pypi/holygrail/json" => {
                answer("200 OK", &[], br#"{"urls":[{"filename":"holygrail-1.0.zip","url":"/f"}]}"#)
            }
            "/team/pypi/holygrail/" => answer("200 OK", &[], b"<a href=holygrail-2.0.zip>"),
            _ => answer("404 Not Found", &[], b""),
        });
        let at = |base: &str| found(&Address::Index(server.at(base)), &NoPages).unwrap().0;
        assert_eq!(at("/pypi"), [server.at("/f").to_string()]);
        assert_eq!(at("/team/pypi/"), [server.at("/team/pypi/holygrail/holygrail-2.0.zip").to_string()]);
    }

    #[test]
    fn links_pages_are_followed_one_level() {
        let server = Server::answering(|head| match path(head).as_str() {
            "/eggs/" => {
                answer("200 OK", &[], b"<a href=holygrail-1.0.zip>x</a><a href=sub/>y</a><a href=gone/>z</a>")
            }
            "/eggs/sub/" => answer(
                "200 OK",
                &[],
                b"<a href=holygrail-1.0.zip>x</a><a href=holygrail-2.0.zip>x</a><a href=deep/>y</a>",
            ),
            "/other/" => answer("200 OK", &[], b"<a href=other-1.0.zip>x</a>"),
            _ => answer("404 Not Found", &[], b""),
        });
        let files = ["/eggs/holygrail-1.0.zip", "/eggs/sub/holygrail-2.0.zip"]
            .map(|file| server.at(file).to_string());
        assert_eq!(found(&Address::Links(server.at("/eggs/")), &NoPages), Some((files.to_vec(), false)));
        let asked: Vec<String> = server.requests().iter().map(|head| path(head)).collect();
        assert_eq!(asked, ["/eggs/", "/eggs/sub/", "/eggs/gone/"]);
        assert_eq!(found(&Address::Links(server.at("/other/")), &NoPages), None);
    }
}

mod remote_files {
    use super::*;

    fn contents() -> Vec<u8> {
        (0..200_000_u32).map(|n| (n % 251) as u8).collect()
    }

    /// Answers range requests as RFC 9110 has it.
    fn ranged(head: &str) -> Act {
        let bytes = contents();
        let head = head.to_ascii_lowercase();
        let spec = head.split("range: bytes=").nth(1).unwrap().lines().next().unwrap().to_owned();
        let (first, last) = spec.split_once('-').unwrap();
        let (first, last) = match first {
            "" => (bytes.len() - last.parse::<usize>().unwrap(), bytes.len() - 1),
            first => (first.parse().unwrap(), last.parse().unwrap()),
        };
        let range = format!("Content-Range: bytes {first}-{last}/{}", bytes.len());
        answer("206 Partial Content", &[&range, "ETag: \"1\""], &bytes[first..=last])
    }

    #[test]
    fn a_file_is_read_in_parts_as_if_it_were_here() {
        let server = Server::answering(ranged);
        let (net, url) = (net(), server.at("/x.whl"));
        let mut file = RemoteFile::open(&net, &url, soon()).unwrap();
        let bytes = contents();
        assert_eq!(file.length(), bytes.len() as u64);
        let mut read = |from: SeekFrom, count: usize| {
            let at = usize::try_from(file.seek(from).unwrap()).unwrap();
            let mut buffer = vec![0; count];
            file.read_exact(&mut buffer).unwrap();
            assert_eq!(buffer, bytes[at..at + count]);
        };
        read(SeekFrom::End(-22), 22);
        assert_eq!(server.requests().len(), 1);
        read(SeekFrom::Start(100_000), 300);
        read(SeekFrom::Current(200), 1000);
        assert_eq!(server.requests().len(), 1);
        read(SeekFrom::Start(0), bytes.len());
        assert_eq!(file.read(&mut [0; 9]).unwrap(), 0);
        assert!(file.seek(SeekFrom::Start(5)).is_ok() && file.seek(SeekFrom::Current(-9)).is_err());
    }

    fn open(act: Act) -> Option<RemoteFileError> {
        let server = Server::new(vec![act]);
        RemoteFile::open(&net(), &server.at("/x"), soon()).err()
    }

    #[test]
    fn a_server_without_ranges_is_told_apart() {
        assert_eq!(open(answer("200 OK", &[], &contents())), Some(RemoteFileError::NoRanges));
        assert_eq!(open(answer("416 Range Not Satisfiable", &[], b"")), Some(RemoteFileError::NoRanges));
        assert_eq!(
            open(answer("206 Partial Content", &["Content-Range: bytes 0-3/9"], b"head")),
            Some(RemoteFileError::NoRanges)
        );
        assert_eq!(open(answer("404 Not Found", &[], b"")), Some(RemoteFileError::Missing));
        assert_eq!(open(answer("200 OK", &[], b"a small file in one piece")), None);
    }

    #[test]
    fn a_file_that_changes_meanwhile_or_lies_about_its_length_is_given_up() {
        let tail = |total: u64, etag: &str| {
            let range = format!("Content-Range: bytes {}-{}/{total}", total - 4, total - 1);
            answer("206 Partial Content", &[&range, &format!("ETag: {etag}")], b"tail")
        };
        let read_from_start = |second: Act| {
            let server = Server::new(vec![tail(1 << 60, "a"), second]);
            let (net, url) = (net(), server.at("/x"));
            let mut file = RemoteFile::open(&net, &url, soon()).unwrap();
            let error = file.read(&mut [0; 10]).unwrap_err();
            error.get_ref().and_then(|inner| inner.downcast_ref::<RemoteFileError>()).unwrap().clone()
        };
        assert_eq!(read_from_start(tail(9, "a")), RemoteFileError::Changed);
        assert_eq!(read_from_start(tail(1 << 60, "b")), RemoteFileError::Changed);
        assert_eq!(read_from_start(answer("404 Not Found", &[], b"")), RemoteFileError::Missing);
    }
}

mod bounds {
    use std::fmt::Write as _;

    use super::*;

    /// What `count` files say of themselves in JSON; `name` makes each one's filename.
    fn many(count: usize, name: impl Fn(usize) -> String) -> String {
        let mut files = String::from(r#"{"files":[{}"#);
        for number in 0..count {
            let filename = name(number);
            let _ = write!(files, r#",{{"filename":"{filename}","url":"/f/{filename}"}}"#);
        }
        files + "]}"
    }

    /// A thousand tags in sixty letters.
    fn thousand_tags() -> String {
        let ten = "a.b.c.d.e.f.g.h.i.j";
        format!("{ten}-{ten}-{ten}")
    }

    #[test]
    fn the_largest_project_of_a_public_index_is_far_from_them() {
        let mut page = String::from(r#"{"meta":{"api-version":"1.3"},"name":"holygrail","files":[{}"#);
        let platform = "manylinux_2_17_x86_64.manylinux2014_x86_64";
        for number in 0..25_000 {
            let name = format!("holygrail-2024.{number}.post12345-cp311-cp311-{platform}.whl");
            let _ = write!(
                page,
                r#",{{"core-metadata":{{"sha256":"{ABC}"}},"data-dist-info-metadata":{{"sha256":"{ABC}"}},"#
            );
            let _ = write!(
                page,
                r#""filename":"{name}","hashes":{{"sha256":"{ABC}"}},"provenance":null,"requires-python":">=3.9","#
            );
            let _ = write!(
                page,
                r#""size":1234567,"upload-time":"2024-01-01T00:00:00.123456Z","url":"https://files.example.com/packages/c3/1a/{ABC}/{name}","yanked":false}}"#
            );
        }
        page.push_str("]}");
        assert_eq!(files(page).len(), 25_000);
    }

    #[test]
    fn what_becomes_more_by_reading_is_refused() {
        let tags = thousand_tags();
        for (what, page) in [
            ("files", many(50_001, |_| WHEEL.to_owned())),
            ("addresses", many(30_000, |number| format!("holygrail-1.{}{number}.tar.gz", "0.".repeat(100)))),
        ] {
            assert_eq!(read_page(page), Err(PageFault::TooMany), "{what}");
        }
        // A thousand tags need no more room than their name.
        let tagged = many(10_000, |number| format!("holygrail-{number}-{tags}.whl"));
        assert_eq!(files(tagged).len(), 10_000);
    }

    #[test]
    fn folders_of_a_links_page_count_together() {
        let page = format!("<a href={WHEEL}>");
        let url = url("https://example.com/links/");
        let read = |held| links::read_beside(held, page.as_bytes(), &url, &project("holygrail"));
        assert_eq!(read(1 << 20).unwrap().listing.files.len(), 1);
        assert_eq!(read(1 << 30), Err(PageFault::TooMany));
        assert_eq!(read(usize::MAX), Err(PageFault::TooMany));
    }

    #[test]
    fn an_entry_with_an_endless_text_does_not_count_and_the_others_do() {
        let long = "9".repeat((64 << 10) + 1);
        let good = format!(r#"{{"filename":"{WHEEL}","url":"{WHEEL}"}}"#);
        for keys in [
            format!(r#""filename":"{WHEEL}","url":"{WHEEL}?{long}""#),
            format!(r#""filename":"{long}{WHEEL}","url":"{WHEEL}""#),
            format!(r#""filename":"{WHEEL}","url":"{WHEEL}","requires-python":">={long}""#),
            format!(r#""filename":"{WHEEL}","url":"{WHEEL}","yanked":"{long}""#),
            format!(r#""filename":"{WHEEL}","url":"{WHEEL}","hashes":{{"sha256":"{long}"}}"#),
        ] {
            let listing = read_page(format!(r#"{{"files":[{{{keys}}},{good}]}}"#)).unwrap();
            assert_eq!((listing.files.len(), listing.skipped), (1, 1));
        }
        // What is not for us may be of any length.
        let more = format!(r#"{{"filename":"{WHEEL}","url":"{WHEEL}","novelty":"{long}"}}"#);
        assert_eq!(files(format!(r#"{{"files":[{more},{good}]}}"#)).len(), 2);
        for attributes in [
            format!("href='{WHEEL}?{long}'"),
            format!("href={WHEEL} data-requires-python='&gt;={long}'"),
            format!("href={WHEEL} data-yanked={long}"),
        ] {
            let listing = read_page(format!("<a {attributes}>x</a><a href={WHEEL}>y</a>")).unwrap();
            assert_eq!((listing.files.len(), listing.skipped), (1, 1));
        }
    }

    #[test]
    fn an_error_never_repeats_the_page() {
        let long = "x".repeat(1 << 20);
        for page in [
            format!(r#"{{"files":"{long}"}}"#),
            format!(r#"{{"releases":"{long}"}}"#),
            format!(r#"{{"releases":{{"1.0":"{long}"}}}}"#),
            format!(r#"{{"files":[],"meta":{{"api-version":"{}"}}}}"#, &long[..60_000]),
            format!(r#"{{"files":[]{long}}}"#),
        ] {
            let said = read_page(page).unwrap_err().to_string();
            assert!(said.len() < 120, "{said}");
        }
    }
}
