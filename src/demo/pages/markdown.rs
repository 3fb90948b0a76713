//! Markdown as HTML that cannot harm: of raw HTML only `<details>` and `<summary>` get through.

use maud::Escaper;
use maud::Markup;
use maud::PreEscaped;
use pulldown_cmark::CodeBlockKind;
use pulldown_cmark::CowStr;
use pulldown_cmark::Event;
use pulldown_cmark::Options;
use pulldown_cmark::Parser;
use pulldown_cmark::Tag;
use pulldown_cmark::TagEnd;
use std::fmt::Write;

const TAGS: [&str; 6] = [
    "<details>",
    "<details open>",
    "</details>",
    "<summary>",
    "</summary>",
    "<br>",
];
const SCHEMES: [&str; 3] = ["http", "https", "mailto"];

/// Renders Markdown as GitHub and Gitea read it.
pub(super) fn render(text: &str) -> Markup {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_GFM
        | Options::ENABLE_FOOTNOTES;
    let mut events = Parser::new_ext(text, options);
    let mut safe = Vec::new();
    while let Some(event) = events.next() {
        safe.push(match event {
            Event::Start(Tag::HtmlBlock) => Event::Html(clean(&block(&mut events)).into()),
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) if &*language == "diff" => {
                Event::Html(diff(&block(&mut events)).into())
            }
            Event::Html(html) | Event::InlineHtml(html) => Event::InlineHtml(clean(&html).into()),
            Event::Start(tag) => Event::Start(harmless(tag)),
            other => other,
        });
    }
    let mut html = String::new();
    pulldown_cmark::html::push_html(&mut html, safe.into_iter());
    PreEscaped(html)
}

/// The text up to the end of the block that has begun.
fn block<'t>(events: &mut impl Iterator<Item = Event<'t>>) -> String {
    let mut text = String::new();
    for event in events {
        match event {
            Event::End(TagEnd::HtmlBlock | TagEnd::CodeBlock) => break,
            Event::Html(part) | Event::Text(part) => text.push_str(&part),
            _ => {}
        }
    }
    text
}

/// Raw HTML with comments left out and everything but the allowed tags escaped.
fn clean(html: &str) -> String {
    let mut out = String::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        escape(&mut out, &rest[..at]);
        rest = &rest[at..];
        let tag = TAGS.iter().find(|tag| {
            rest.get(..tag.len())
                .is_some_and(|text| text.eq_ignore_ascii_case(tag))
        });
        let comment = rest.strip_prefix("<!--").and_then(|text| text.split_once("-->"));
        if let Some((_, after)) = comment {
            rest = after;
        } else if let Some(tag) = tag {
            out.push_str(tag);
            rest = &rest[tag.len()..];
        } else {
            out.push_str("&lt;");
            rest = &rest[1..];
        }
    }
    escape(&mut out, rest);
    out
}

/// Links and pictures lead only where a click is harmless.
fn harmless(tag: Tag<'_>) -> Tag<'_> {
    match tag {
        Tag::Link {
            link_type,
            dest_url,
            title,
            id,
        } => Tag::Link {
            link_type,
            dest_url: address(dest_url),
            title,
            id,
        },
        Tag::Image {
            link_type,
            dest_url,
            title,
            id,
        } => Tag::Image {
            link_type,
            dest_url: address(dest_url),
            title,
            id,
        },
        other => other,
    }
}

fn address(url: CowStr<'_>) -> CowStr<'_> {
    let visible: String = url
        .chars()
        .filter(|c| !c.is_control() && !c.is_whitespace())
        .collect();
    let scheme = visible.split_once(':').map(|(scheme, _)| scheme);
    let relative = scheme.is_none_or(|scheme| scheme.contains(['/', '?', '#']));
    let known = scheme.is_some_and(|scheme| SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known)));
    if relative || known { url } else { "#".into() }
}

/// A fenced diff with its lines coloured.
fn diff(text: &str) -> String {
    let mut html = "<pre class=\"diff\"><code>".to_owned();
    for line in text.lines() {
        let class = match line.as_bytes().first() {
            Some(b'+') => "add",
            Some(b'-') => "del",
            Some(b'@') => "at",
            _ => "ctx",
        };
        html.push_str(&format!("<span class=\"{class}\">"));
        escape(&mut html, line);
        html.push_str("</span>\n");
    }
    html.push_str("</code></pre>\n");
    html
}

fn escape(out: &mut String, text: &str) {
    Escaper::new(out)
        .write_str(text)
        .expect("writing to a String cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_can_bring_a_tag_an_attribute_or_a_script() {
        let hostile = [
            "<script>alert(1)</script>",
            "text <script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "a <img src=x onerror=alert(1)> b",
            "<details onclick=alert(1)>",
            "<details open ontoggle=alert(1)>x",
            "<details>\n<script>alert(1)</script>\n</details>",
            "<!-- --><script>alert(1)</script><!-- -->",
            "<!--<script>alert(1)</script>",
            "[x](javascript:alert(1))",
            "[x](JaVaScRiPt:alert(1))",
            "[x](\tjava\nscript:alert(1))",
            "[x](<java\tscript:alert(1)>)",
            "![x](data:text/html,<script>alert(1)</script>)",
            "<javascript:alert(1)>",
            "[x]: javascript:alert(1)\n\n[x]",
            "```diff\n+<script>alert(1)</script>\n```",
            "```\"><script>alert(1)</script>\nx\n```",
            "`<script>`",
            "<svg/onload=alert(1)>",
            "<iframe src=//x></iframe>",
            "| <script> |\n|--|\n| <b onclick=x> |",
            "[x](https://a \"\\\" onmouseover=alert(1)\")",
        ];
        let allowed = regexless_tags();
        for text in hostile {
            let html = render(text).into_string();
            for tag in tags(&html) {
                let name: String = tag
                    .chars()
                    .take_while(|c| c.is_ascii_alphanumeric() || *c == '/')
                    .collect();
                assert!(allowed.contains(&name.as_str()), "{text:?} gives <{tag}>");
                assert!(!outside_quotes(tag).contains(" on"), "{text:?} gives <{tag}>");
                assert!(!tag.to_lowercase().contains("script:"), "{text:?} gives <{tag}>");
                assert!(!tag.contains("data:"), "{text:?} gives <{tag}>");
            }
        }
    }

    fn regexless_tags() -> Vec<&'static str> {
        vec![
            "p", "/p", "a", "/a", "img", "pre", "/pre", "code", "/code", "span", "/span", "details",
            "/details", "summary", "/summary", "table", "/table", "thead", "/thead", "tbody", "/tbody", "tr",
            "/tr", "th", "/th", "td", "/td",
        ]
    }

    /// Every tag, without its brackets; a bracket within quotes ends nothing.
    fn tags(html: &str) -> Vec<&str> {
        let mut found = Vec::new();
        let mut rest = html;
        while let Some((_, after)) = rest.split_once('<') {
            let mut quoted = false;
            let end = after.find(|c| {
                quoted ^= c == '"';
                c == '>' && !quoted
            });
            let end = end.unwrap_or(after.len());
            found.push(&after[..end]);
            rest = &after[end..];
        }
        found
    }

    fn outside_quotes(tag: &str) -> String {
        tag.split('"').step_by(2).collect()
    }

    #[test]
    fn details_work_comments_vanish_and_diffs_are_coloured() {
        let html =
            render("<!-- recant: 1 -->\n\n<details>\n<summary>More</summary>\n\n- **x**\n\n</details>\n")
                .into_string();
        assert!(
            html.contains("<details>") && html.contains("<summary>More</summary>"),
            "{html}"
        );
        assert!(
            html.contains("<strong>x</strong>") && !html.contains("recant"),
            "{html}"
        );
        let html = render("```diff\n-a: 1\n+a: 2\n```\n").into_string();
        assert!(html.contains("<span class=\"del\">-a: 1</span>"), "{html}");
        let html = render("[a](/x) [b](https://x.y) [c](#z) [d](x/y:z)").into_string();
        for link in ["\"/x\"", "\"https://x.y\"", "\"#z\"", "\"x/y:z\""] {
            assert!(html.contains(link), "{link}: {html}");
        }
    }
}
