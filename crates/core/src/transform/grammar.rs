//! Which templates are allowed. Steps are counted while a template runs, but one step can make a value of any size; so what
//! makes values grow is refused or counted here, before anything is compiled (constants are computed by compiling).

use minijinja::machinery::ast::{BinOpKind, CallArg, CompareOpKind, Expr, Stmt};
use minijinja::machinery::{Span, parse};
use minijinja::syntax::SyntaxConfig;

use super::filters::ALLOWED;

/// Tests that look at no more than the kind of a value or a number.
const LIGHT_TESTS: [&str; 14] = [
    "boolean",
    "defined",
    "even",
    "false",
    "float",
    "integer",
    "iterable",
    "mapping",
    "none",
    "number",
    "odd",
    "sequence",
    "string",
    "undefined",
];
/// Filters, concatenations, assignments and comparisons of two values in one template: each may hold a value as large as the input.
const OPERATIONS_MAX: usize = 128;
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
    /// Whether anything is repeated, so that the steps are not bounded by the source.
    pub(super) has_loops: bool,
    /// Whether two values of any size are compared time and again: the engine takes one step for it.
    pub(super) compares_in_loops: bool,
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

/// Whether a comparison may go through two values of any size. One that is written in the template is small.
fn is_heavy(left: &Expr<'_>, operator: CompareOpKind, right: &Expr<'_>) -> bool {
    match operator {
        // The left one is made a text when the right one is a text.
        CompareOpKind::In | CompareOpKind::NotIn => {
            left.as_const().is_none() && right.as_const().is_none_or(|value| value.as_str().is_some())
        }
        _ => left.as_const().is_none() && right.as_const().is_none(),
    }
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
            Expr::Var(_) | Expr::Const(_) => Ok(()),
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
                    BinOpKind::In if is_heavy(&binary.left, CompareOpKind::In, &binary.right) => {
                        self.heavy(binary.span())?;
                    }
                    // A comparison that is not chained.
                    BinOpKind::Eq
                    | BinOpKind::Ne
                    | BinOpKind::Lt
                    | BinOpKind::Lte
                    | BinOpKind::Gt
                    | BinOpKind::Gte
                        if is_heavy(&binary.left, CompareOpKind::Eq, &binary.right) =>
                    {
                        self.heavy(binary.span())?;
                    }
                    _ => {}
                }
                self.expression(&binary.left, kept)?;
                self.expression(&binary.right, kept)
            }
            Expr::Compare(compare) => {
                let mut left = &compare.expr;
                for operand in &compare.ops {
                    if is_heavy(left, operand.op, &operand.expr) {
                        self.heavy(compare.span())?;
                    }
                    left = &operand.expr;
                }
                self.expression(&compare.expr, kept)?;
                compare.ops.iter().try_for_each(|operand| self.expression(&operand.expr, kept))
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
                filter.expr.iter().try_for_each(|value| self.expression(value, kept))?;
                self.arguments(&filter.args, filter.span(), kept)
            }
            Expr::Test(test) => {
                if !LIGHT_TESTS.contains(&test.name) {
                    self.heavy(test.span())?;
                }
                self.expression(&test.expr, kept)?;
                self.arguments(&test.args, test.span(), kept)
            }
            Expr::GetAttr(attribute) => self.expression(&attribute.expr, kept),
            Expr::GetItem(item) => {
                if item.subscript_expr.as_const().is_none() {
                    self.heavy(item.span())?;
                }
                self.expression(&item.expr, kept)?;
                self.expression(&item.subscript_expr, kept)
            }
            Expr::Slice(slice) => {
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

    /// A step whose work grows with values that the engine does not weigh.
    fn heavy(&mut self, span: Span) -> Result<(), Fault> {
        self.compares_in_loops |= self.loops > 0;
        self.count(span)
    }

    fn count(&mut self, span: Span) -> Result<(), Fault> {
        self.operations += 1;
        if self.operations > OPERATIONS_MAX {
            return refuse(
                span,
                format!(
                    "a template has at most {OPERATIONS_MAX} filters, concatenations, assignments and comparisons"
                ),
            );
        }
        Ok(())
    }
}
