//! Expressions: Rhai without statements, within bounds.

use std::sync::LazyLock;

use rhai::packages::{Package as _, StandardPackage};
use rhai::{AST, Dynamic, Engine, EvalAltResult, Scope};

/// Longest expression, in bytes.
pub(crate) const BYTES: usize = 4 << 10;
/// Steps that one evaluation may take.
const STEPS: u64 = 10_000;
/// Longest text, and longest blob, that an evaluation may make, in bytes.
const TEXT_BYTES: usize = 256 << 10;
/// Members that all arrays or maps of one value may have together.
const MEMBERS: usize = 16 << 10;
/// How deep an expression may be nested.
const DEPTH: usize = 32;

/// One engine for all expressions: it is the same for all, and large.
static ENGINE: LazyLock<Engine> = LazyLock::new(engine);

fn engine() -> Engine {
    let mut engine = Engine::new_raw();
    engine.register_global_module(StandardPackage::new().as_shared_module());
    engine.set_max_operations(STEPS);
    engine.set_max_string_size(TEXT_BYTES);
    engine.set_max_array_size(MEMBERS);
    engine.set_max_map_size(MEMBERS);
    engine.set_max_expr_depths(DEPTH);
    engine.set_fail_on_invalid_map_property(false);
    for word in ["eval", "print", "debug", "Fn", "call", "curry"] {
        engine.disable_symbol(word);
    }
    // The standard package would wait; a name that is known to the engine itself goes first.
    engine.register_fn("sleep", |_: i64| refuse_to_sleep());
    engine.register_fn("sleep", |_: f64| refuse_to_sleep());
    engine
}

fn refuse_to_sleep() -> Result<(), Box<EvalAltResult>> {
    Err("a rule does not wait".into())
}

/// An expression that was read.
#[derive(Debug, Clone)]
pub(crate) struct Expression {
    ast: AST,
    /// Whether it asks for what the topic said before.
    pub(crate) looks_back: bool,
}

/// Why a text is no expression, and where in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unreadable {
    /// The byte of the text, as far as that is known.
    pub(crate) at: usize,
    pub(crate) reason: String,
}

impl Expression {
    pub(crate) fn parse(text: &str) -> Result<Self, Unreadable> {
        if text.len() > BYTES {
            return Err(Unreadable {
                at: 0,
                reason: format!("an expression has at most {BYTES} bytes"),
            });
        }
        let ast = ENGINE
            .compile_expression(text)
            .map_err(|error| Unreadable {
                at: offset(text, error.position()),
                reason: error.err_type().to_string(),
            })?;
        Ok(Self {
            ast,
            looks_back: text.contains("previous"),
        })
    }

    /// Its value for the facts in `scope`.
    pub(crate) fn value(&self, scope: &mut Scope<'_>) -> Result<Dynamic, String> {
        let value = ENGINE.eval_ast_with_scope::<Dynamic>(scope, &self.ast);
        value.map_err(|error| error.to_string())
    }

    /// Whether it holds for the facts in `scope`.
    pub(crate) fn holds(&self, scope: &mut Scope<'_>) -> Result<bool, String> {
        let value = self.value(scope)?;
        value.as_bool().map_err(|kind| {
            format!("a condition is true or false, and this is a value of type {kind}")
        })
    }
}

/// The byte of a position in a text.
fn offset(text: &str, position: rhai::Position) -> usize {
    let line = position.line().unwrap_or(1);
    let column = position.position().unwrap_or(1);
    let before: usize = text
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    let rest = text.get(before..).unwrap_or_default();
    let within = rest.char_indices().nth(column.saturating_sub(1));
    before + within.map_or(rest.len(), |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> Scope<'static> {
        let mut scope = Scope::new();
        scope.push_constant("text", "abcdefgh".repeat(1_000));
        scope.push_constant("none", ());
        scope.push_constant("list", vec![Dynamic::from_int(1); 1_000]);
        scope
    }

    #[test]
    fn statements_loops_functions_and_modules_are_no_expressions() {
        for text in [
            "let a = 1; a",
            "while true {}",
            "loop {}",
            "for i in 1..9 { i }",
            "fn f() { 1 }",
            "none = 1",
            "import \"x\"",
            "eval(\"1\")",
            "print(1)",
            "debug(1)",
            "|x| x",
            "Fn(\"f\")",
            "1 +",
            "",
        ] {
            assert!(Expression::parse(text).is_err(), "{text}");
        }
        assert!(Expression::parse(&"1+".repeat(BYTES)).is_err());
        assert!(Expression::parse(&"(".repeat(1_000)).is_err());
    }

    #[test]
    fn nothing_waits_grows_without_bound_or_runs_for_long() {
        let grown = vec!["text"; 400].join(" + ");
        let bomb = format!("list{}", " + list".repeat(25));
        for text in [
            "sleep(3600)",
            "sleep(3600.0)",
            "text.pad(100000000, 'x')",
            "blob(1000000000)",
            "timestamp()",
            "rand()",
            grown.as_str(),
            bomb.as_str(),
        ] {
            let outcome = Expression::parse(text).map(|it| it.value(&mut scope()).map(drop));
            assert!(!matches!(outcome, Ok(Ok(()))), "{text}");
        }
    }

    #[test]
    fn what_is_missing_fails_no_condition() {
        for (text, holds) in [
            ("none > 3", false),
            ("none?.deeper > 3", false),
            ("none == ()", true),
            ("list[0] == 1.0", true),
            ("text.len() == 8000 && list.len() == 1000", true),
        ] {
            let expression = Expression::parse(text).unwrap();
            assert_eq!(expression.holds(&mut scope()), Ok(holds), "{text}");
        }
        let number = Expression::parse("3").unwrap().holds(&mut scope());
        assert!(number.unwrap_err().contains("true or false"));
    }

    #[test]
    fn a_mistake_is_found_where_it_is() {
        let error = Expression::parse("1 == 1\n  && loop").unwrap_err();
        assert_eq!(error.at, 12);
    }
}
