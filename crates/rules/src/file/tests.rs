use super::*;

fn problems(text: &str) -> Vec<String> {
    let problems = RuleSet::parse(text).unwrap_err();
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn everything_that_is_wrong_is_said_with_its_place() {
    let text = r##"max_hops = 0
[[sink]]
name = "Erp"
url = "ftp://x"
[[rule]]
name = "hot"
topics = ["a/#/b"]
when = "payload.value > > 3"
then = [
  { republish = { topic = "system/x" } },
  { republish = { topic = "x/{levels[}" } },
  { case = { source = "x", condition = "Too hot", severity = "high", text = "" } },
  { post = { sink = "none" } },
  { },
]
[[rule]]
name = "hot"
topics = []
then = [{ republish = { topic = "x", payload = "1", text = "2" } }]
"##;
    let expected = [
        "1:12: max_hops: 0 is not allowed; 1 to 32 are",
        "3:8: sink \"Erp\": a name has 1 to 40 of a-z, 0-9 and -",
        "4:7: sink \"Erp\": url: allowed is an address such as https://example.org/readings",
        "7:11: rule \"hot\": topics: + stands for one whole level, # for all the rest and only at the end",
        "8:25: rule \"hot\": when: ",
        "10:27: rule \"hot\": then[0].republish.topic: system is written by the node itself",
        "11:38: rule \"hot\": then[1].republish.topic: ",
        "12:40: rule \"hot\": then[2].case.condition: a condition is named in kebab case",
        "13:21: rule \"hot\": then[3].post.sink: there is no sink \"none\"",
        "14:3: rule \"hot\": then[4]: it does one thing",
        "17:8: rule \"hot\": there is another rule of that name",
        "18:10: rule \"hot\": topics: it has 0; 1 to 64 are allowed",
        "19:60: rule \"hot\": then[0].republish.text: only one of payload and text is allowed",
    ];
    let problems = problems(text);
    for (problem, expected) in problems.iter().zip(expected) {
        assert!(problem.starts_with(expected), "{problems:#?}\n{expected}");
    }
    assert_eq!(problems.len(), expected.len(), "{problems:#?}");
}

#[test]
fn a_wrong_shape_is_said_alone() {
    for (text, expected) in [
        ("max_hops = ", "1:"),
        (
            "[[rule]]\nname = \"a\"\ntopics = [\"x\"]\nthem = 1\n",
            "4:1: unknown field `them`",
        ),
        ("max_hops = 300", "1:12: "),
    ] {
        let problems = problems(text);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with(expected), "{problems:?}");
    }
    assert!(problems(&"#".repeat(FILE_BYTES + 1))[0].contains("at most"));
}

#[test]
fn an_empty_file_has_no_rules() {
    assert_eq!(RuleSet::parse("").unwrap().names().count(), 0);
}
