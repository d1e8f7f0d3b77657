//! What reports look like.

use std::time::Duration;

use spica_model::Timestamp;
use spica_proof::{Language, Options, Proof, Report, Table};

use crate::trail::{Fact, station};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn report(facts: &[Fact], options: Options) -> Report {
    let mut proof = Proof::new(options).unwrap();
    for (id, record) in facts {
        proof.step(Some(*id), record);
    }
    proof.finish()
}

fn quarter() -> Report {
    let from = at("2026-01-31T23:00:00Z");
    let facts = station(from, 45, 7);
    let mut options = Options::new(
        "root/north",
        from,
        from.saturating_add(Duration::from_secs(42 * 86_400)),
    );
    options.zone = "Europe/Zurich".to_owned();
    report(&facts, options)
}

#[test]
fn text_is_as_it_was_looked_at() {
    let report = quarter();
    for (name, language) in [("english", Language::English), ("german", Language::German)] {
        let mut out = String::new();
        report.write_text(&mut out, language).unwrap();
        insta::assert_snapshot!(format!("text_{name}"), out);
        assert!(
            out.lines().all(|line| line.chars().count() <= 130),
            "too wide"
        );
    }
}

#[test]
fn csv_is_as_it_was_looked_at_and_all_tables_are_whole() {
    let report = quarter();
    let mut out = String::new();
    report.write_all_csv(&mut out).unwrap();
    insta::assert_snapshot!("csv", out.replace("\r\n", "\n"));
    for table in Table::ALL {
        let mut one = String::new();
        report.write_csv(&mut one, table).unwrap();
        assert!(out.contains(&one), "{table}");
        let mut widths = one.trim_end().lines().map(|line| line.split(',').count());
        let width = widths.next().unwrap();
        assert!(widths.all(|it| it == width), "{table}");
    }
}

#[test]
fn html_is_as_it_was_looked_at_and_well_formed() {
    let report = quarter();
    for (name, language) in [("english", Language::English), ("german", Language::German)] {
        let mut out = String::new();
        report.write_html(&mut out, language).unwrap();
        well_formed(&out);
        assert!(
            !out.contains("<script") && !out.contains("http"),
            "it needs nothing else"
        );
        assert!(out.contains("Rail &amp; Road &lt;North&gt;"));
        let body = out.split_once("</style>").unwrap().1;
        insta::assert_snapshot!(format!("html_{name}"), body);
    }
}

#[test]
fn a_report_of_nothing_is_whole_too() {
    let report = report(
        &[],
        Options::new(
            "root",
            at("2026-01-01T00:00:00Z"),
            at("2026-01-08T00:00:00Z"),
        ),
    );
    let (mut text, mut html) = (String::new(), String::new());
    report.write_text(&mut text, Language::English).unwrap();
    report.write_html(&mut html, Language::English).unwrap();
    insta::assert_snapshot!("text_of_nothing", text);
    well_formed(&html);
    assert!(!html.contains("NaN") && !html.contains("inf"), "{html}");
}

/// Every element that is opened is closed, in order.
fn well_formed(html: &str) {
    const ALONE: [&str; 3] = ["meta", "path", "rect"];
    let mut open = Vec::new();
    let mut rest = html.split_once("<html").unwrap().1;
    while let Some((_, after)) = rest.split_once('<') {
        let (tag, after) = after.split_once('>').unwrap();
        rest = after;
        let name = tag
            .trim_start_matches('/')
            .split([' ', '/'])
            .next()
            .unwrap();
        if tag.starts_with('/') {
            assert_eq!(open.pop().unwrap_or("html"), name);
        } else if !ALONE.contains(&name) {
            open.push(name);
        }
    }
    assert_eq!(open, Vec::<&str>::new());
}

/// Writes a year's page where `PAGE` says, to look at it.
#[test]
fn a_year_is_a_page_of_reasonable_size() {
    let from = at("2025-11-22T00:00:00Z");
    let mut options = Options::new("root", from, at("2026-11-22T00:00:00Z"));
    options.zone = "Europe/Zurich".to_owned();
    let report = report(&station(from, 365, 3), options);
    assert_eq!(
        report.days.len(),
        366,
        "the zone is ahead of UTC, so the last day has begun"
    );
    let mut html = String::new();
    report.write_html(&mut html, Language::English).unwrap();
    assert!(html.len() < 250_000, "{}", html.len());
    if let Some(file) = std::env::var_os("PAGE") {
        std::fs::write(file, html).unwrap();
    }
}
