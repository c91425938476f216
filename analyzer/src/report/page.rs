//! One file of everything: the page, its scripts and styles, and the data.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use sha2::{Digest, Sha256};

use super::Report;
use super::shown::{Limits, Shown};
use crate::picture::svg::page_style;
use crate::web::{REPORT_HTML, REPORT_JS, SCRIPTS, STYLES};

/// What nothing on the page exceeds at first, and at last whatever else it costs.
const MOST: Limits = Limits {
    rows: 2_000,
    text: 400,
};
const LEAST: Limits = Limits { rows: 20, text: 24 };

/// The page of a report, of at most so many bytes if that is possible at all: what has no room is left out, and counted.
pub fn page(report: &Report, bytes: usize) -> String {
    let mut limits = MOST;
    loop {
        let page = page_within(report, limits);
        if page.len() <= bytes || limits == LEAST {
            return page;
        }
        limits = Limits {
            rows: (limits.rows / 2).max(LEAST.rows),
            text: (limits.text / 2).max(LEAST.text),
        };
    }
}

fn page_within(report: &Report, limits: Limits) -> String {
    let Shown { data, pictures } = Shown::of(report, limits);
    let scripts: Vec<&str> = SCRIPTS
        .iter()
        .chain([&REPORT_JS])
        .map(|file| file.text)
        .collect();
    let styles: Vec<&str> = STYLES.iter().map(|file| file.text).collect();
    let script = scripts.join("\n");
    let style = styles.join("\n") + &page_style(&pictures);
    filled(
        REPORT_HTML.text,
        &[
            ("policy", &policy(&script, &style)),
            ("style", &style),
            ("script", &script),
            ("data", &without_markup(&data.to_string())),
        ],
    )
}

/// Nothing is loaded but what is in the file, and nothing runs or styles but what was put there: a name that would find a way through all
/// else still could do nothing.
fn policy(script: &str, style: &str) -> String {
    let hash = |text: &str| BASE64_STANDARD.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; font-src data:; base-uri 'none'; form-action 'none'",
        hash(script),
        hash(style)
    )
}

/// JSON that HTML takes for nothing else: `<` is in texts only, where it can be written in another way.
fn without_markup(json: &str) -> String {
    json.replace('<', "\\u003c")
}

/// The template with its `{{name}}`s replaced, in one pass: what is put in is not looked at.
fn filled(template: &str, values: &[(&str, &str)]) -> String {
    let mut page = String::new();
    let mut rest = template;
    while let Some((before, (name, after))) = rest
        .split_once("{{")
        .and_then(|(before, behind)| Some((before, behind.split_once("}}")?)))
    {
        let value = values.iter().find(|(known, _)| *known == name);
        page.push_str(before);
        page.push_str(value.expect("the template's names are known").1);
        rest = after;
    }
    page + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_is_not_looked_at() {
        let values = [("a", "{{b}}"), ("b", "2")];
        assert_eq!(filled("<{{a}}|{{b}}>", &values), "<{{b}}|2>");
    }

    #[test]
    fn no_data_ends_its_element() {
        assert_eq!(
            without_markup(r#""</script><!--""#),
            r#""\u003c/script>\u003c!--""#
        );
    }

    /// They would end the element that they are put into, or be run as something else.
    #[test]
    fn the_files_can_stand_in_a_page() {
        for file in SCRIPTS.iter().chain([&REPORT_JS]) {
            assert!(
                !file.text.contains("</script") && !file.text.contains("<!--"),
                "{}",
                file.name
            );
        }
        for file in &STYLES {
            assert!(!file.text.contains("</style"), "{}", file.name);
        }
    }
}
