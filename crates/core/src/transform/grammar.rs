//! Which templates are allowed. Steps are counted while a template runs, but one step can make a value of any size; so what
//! makes values grow is refused or counted here, before anything is compiled (constants are computed by compiling).

use minijinja::machinery::ast::{BinOpKind, CallArg, CompareOpKind, Expr, Stmt};
use minijinja::machinery::{Span, parse};
use minijinja::syntax::SyntaxConfig;

use super::filters::ALLOWED;

/// Filters, concatenations and assignments in one template: each may hold a value as large as the input.
const OPERATIONS_MAX: usize = 128;
/// Filters that make a text of what they are given, at most six times as long.
const COPYING: [&str; 6] = ["capitalize", "lower", "string", "title", "tojson", "upper"];
/// Filters that make a text as long as there may be.
const GROWING: [&str; 2] = ["join", "replace"];
/// Tests for which there are operators, whose work the engine counts.
const COMPARING_TESTS: [(&str, &str); 16] = [
    ("eq", "=="),
    ("equalto", "=="),
    ("==", "=="),
    ("ne", "!="),
    ("!=", "!="),
    ("lt", "<"),
    ("lessthan", "<"),
    ("<", "<"),
    ("le", "<="),
    ("<=", "<="),
    ("gt", ">"),
    ("greaterthan", ">"),
    (">", ">"),
    ("ge", ">="),
    (">=", ">="),
    ("sameas", "=="),
];
/// Tests that read a text, or look for one.
const READING_TESTS: [&str; 3] = ["in", "lower", "upper"];
/// Deepest nesting of loops.
const LOOPS_MAX: usize = 3;

/// What is wrong, and in which line.
pub(super) struct Fault {
    pub(super) line: usize,
    pub(super) message: String,
}

/// What is known of a template that passed.
#[derive(Default)]
pub(super) struct Checked {
    operations: usize,
    loops: usize,
    /// Comparisons around what is looked at.
    comparisons: usize,
    /// Whether anything is repeated, so that the steps are not bounded by the source.
    pub(super) has_loops: bool,
    /// Whether a text is read to its end time and again without a step being counted: looked up in an object, cut, tested.
    pub(super) reads_texts_in_loops: bool,
    /// The longest texts that it may read in this way.
    pub(super) texts: Texts,
}

/// Where texts come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Texts {
    /// Those within the event's data.
    #[default]
    OfData,
    /// The data as one text too.
    WholeData,
    /// Copies that are made of these.
    Copies,
    /// Texts of any length.
    Made,
}

/// Checks the source of one template.
pub(super) fn check(source: &str) -> Result<Checked, Fault> {
    let template = parse(source, "template", SyntaxConfig::default()).map_err(|error| fault_of(&error))?;
    let mut checked = Checked::default();
    checked.statement(&template)?;
    Ok(checked)
}

/// The engine's error without the name of the template.
pub(super) fn fault_of(error: &minijinja::Error) -> Fault {
    let message = match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    Fault { line: error.line().unwrap_or(1), message }
}

fn refuse<T>(span: Span, message: impl Into<String>) -> Result<T, Fault> {
    Err(Fault { line: usize::from(span.start_line), message: message.into() })
}

impl Checked {
    fn statements(&mut self, statements: &[Stmt<'_>]) -> Result<(), Fault> {
        statements.iter().try_for_each(|statement| self.statement(statement))
    }

    fn statement(&mut self, statement: &Stmt<'_>) -> Result<(), Fault> {
        match statement {
            Stmt::Template(template) => self.statements(&template.children),
            Stmt::EmitRaw(_) => Ok(()),
            Stmt::EmitExpr(emit) => self.expression(&emit.expr, false),
            Stmt::IfCond(condition) => {
                self.expression(&condition.expr, false)?;
                self.statements(&condition.true_body)?;
                self.statements(&condition.false_body)
            }
            Stmt::Set(set) => {
                self.count(set.span())?;
                self.expression(&set.expr, true)
            }
            Stmt::ForLoop(each) => {
                if each.recursive {
                    return refuse(each.span(), "recursive loops are not available");
                }
                if self.loops == LOOPS_MAX {
                    return refuse(each.span(), format!("loops may be nested {LOOPS_MAX} deep"));
                }
                self.has_loops = true;
                self.expression(&each.iter, true)?;
                self.loops += 1;
                each.filter_expr.iter().try_for_each(|filter| self.expression(filter, true))?;
                self.statements(&each.body)?;
                self.statements(&each.else_body)?;
                self.loops -= 1;
                Ok(())
            }
            Stmt::WithBlock(other) => refuse(other.span(), "with is not available; use set"),
            Stmt::SetBlock(other) => refuse(other.span(), "set blocks are not available"),
            Stmt::AutoEscape(other) => refuse(other.span(), "autoescape is not available"),
            Stmt::FilterBlock(other) => refuse(other.span(), "filter blocks are not available"),
            Stmt::Do(other) => refuse(other.span(), "do is not available"),
        }
    }

    /// `kept`: the value gets a name, so it must not be made of others, or a few lines could double it time and again.
    fn expression(&mut self, expression: &Expr<'_>, kept: bool) -> Result<(), Fault> {
        match expression {
            Expr::Const(_) => Ok(()),
            Expr::Var(variable) => {
                // The event under another name, or gone through: its texts of all the data cannot be told from others.
                if variable.id == "event" {
                    self.texts = self.texts.max(Texts::WholeData);
                }
                Ok(())
            }
            Expr::UnaryOp(unary) => self.expression(&unary.expr, kept),
            Expr::BinOp(binary) => {
                match binary.op {
                    BinOpKind::Mul => {
                        return refuse(binary.span(), "* is not available; use the filter times");
                    }
                    BinOpKind::Pow => return refuse(binary.span(), "** is not available"),
                    BinOpKind::Add | BinOpKind::Concat if kept => {
                        return refuse(
                            binary.span(),
                            "+ and ~ are available only where the value is written out",
                        );
                    }
                    BinOpKind::Add | BinOpKind::Concat => self.count(binary.span())?,
                    BinOpKind::In => self.looks_up(&binary.left),
                    _ => {}
                }
                let compares = matches!(
                    binary.op,
                    BinOpKind::Eq
                        | BinOpKind::Ne
                        | BinOpKind::Lt
                        | BinOpKind::Lte
                        | BinOpKind::Gt
                        | BinOpKind::Gte
                        | BinOpKind::In
                );
                self.comparisons += usize::from(compares);
                self.expression(&binary.left, kept)?;
                self.expression(&binary.right, kept)?;
                self.comparisons -= usize::from(compares);
                Ok(())
            }
            Expr::Compare(compare) => {
                let mut left = &compare.expr;
                for operand in &compare.ops {
                    if matches!(operand.op, CompareOpKind::In | CompareOpKind::NotIn) {
                        self.looks_up(left);
                    }
                    left = &operand.expr;
                }
                self.comparisons += 1;
                self.expression(&compare.expr, kept)?;
                compare.ops.iter().try_for_each(|operand| self.expression(&operand.expr, kept))?;
                self.comparisons -= 1;
                Ok(())
            }
            Expr::IfExpr(choice) => {
                self.expression(&choice.test_expr, kept)?;
                self.expression(&choice.true_expr, kept)?;
                choice.false_expr.iter().try_for_each(|other| self.expression(other, kept))
            }
            Expr::Filter(filter) => {
                if !ALLOWED.contains(&filter.name) {
                    return refuse(filter.span(), format!("there is no filter {:?}", filter.name));
                }
                self.count(filter.span())?;
                if kept && GROWING.contains(&filter.name) {
                    self.texts = Texts::Made;
                } else if kept && COPYING.contains(&filter.name) {
                    self.texts = self.texts.max(Texts::Copies);
                }
                filter.expr.iter().try_for_each(|value| self.expression(value, kept))?;
                self.arguments(&filter.args, filter.span(), kept)
            }
            Expr::Test(test) => {
                if let Some((_, operator)) = COMPARING_TESTS.iter().find(|(name, _)| *name == test.name) {
                    return refuse(test.span(), format!("is {} is not available; use {operator}", test.name));
                }
                self.reads_texts_in_loops |= self.loops > 0 && READING_TESTS.contains(&test.name);
                self.comparisons += 1;
                self.expression(&test.expr, kept)?;
                self.arguments(&test.args, test.span(), kept)?;
                self.comparisons -= 1;
                Ok(())
            }
            Expr::GetAttr(attribute) => match &attribute.expr {
                Expr::Var(variable) if variable.id == "event" && !attribute.name.ends_with("_json") => Ok(()),
                other => self.expression(other, kept),
            },
            Expr::GetItem(item) => {
                self.looks_up(&item.subscript_expr);
                self.expression(&item.expr, kept)?;
                self.expression(&item.subscript_expr, kept)
            }
            Expr::Slice(slice) => {
                self.reads_texts_in_loops |= self.loops > 0;
                self.expression(&slice.expr, kept)?;
                let bounds = [&slice.start, &slice.stop, &slice.step];
                bounds.into_iter().flatten().try_for_each(|bound| self.expression(bound, kept))
            }
            Expr::Call(call) => match &call.expr {
                Expr::Var(function) if function.id == "range" => {
                    self.arguments(&call.args, call.span(), kept)
                }
                _ => refuse(call.span(), "the only function is range"),
            },
            // The engine counts one step for each value of a list that it compares, and none for what lies within these.
            Expr::List(_) | Expr::Tuple(_) | Expr::Map(_)
                if self.comparisons > 0 && expression.as_const().is_none() =>
            {
                refuse(
                    expression.span(),
                    "a list that is compared may hold only constants; compare its parts",
                )
            }
            Expr::List(list) if expression.as_const().is_none() && kept => {
                refuse(list.span(), "a list that gets a name may hold only constants")
            }
            Expr::Tuple(tuple) if expression.as_const().is_none() && kept => {
                refuse(tuple.span(), "a list that gets a name may hold only constants")
            }
            Expr::Map(map) if expression.as_const().is_none() && kept => {
                refuse(map.span(), "an object that gets a name may hold only constants")
            }
            Expr::List(list) => list.items.iter().try_for_each(|item| self.expression(item, kept)),
            Expr::Tuple(tuple) => tuple.items.iter().try_for_each(|item| self.expression(item, kept)),
            Expr::Map(map) => {
                map.keys.iter().chain(&map.values).try_for_each(|part| self.expression(part, kept))
            }
        }
    }

    fn arguments(&mut self, arguments: &[CallArg<'_>], span: Span, kept: bool) -> Result<(), Fault> {
        arguments.iter().try_for_each(|argument| match argument {
            CallArg::Pos(value) | CallArg::Kwarg(_, value) => self.expression(value, kept),
            CallArg::PosSplat(_) | CallArg::KwargSplat(_) => refuse(span, "arguments are written one by one"),
        })
    }

    fn looks_up(&mut self, key: &Expr<'_>) {
        self.reads_texts_in_loops |= self.loops > 0 && key.as_const().is_none();
    }

    fn count(&mut self, span: Span) -> Result<(), Fault> {
        self.operations += 1;
        if self.operations > OPERATIONS_MAX {
            return refuse(
                span,
                format!("a template has at most {OPERATIONS_MAX} filters, concatenations and assignments"),
            );
        }
        Ok(())
    }
}
