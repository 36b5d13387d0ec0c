//! Compiling templates and running them on an event.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;
use minijinja::{Environment, ErrorKind, UndefinedBehavior, Value, context};

use super::filters::VALUE_BYTES_MAX;
use super::grammar::{self, Fault, Texts};
use super::limited::Limited;
use super::tree::{Meter, Planter};
use super::{INPUT_BYTES_MAX, OUTPUT_BYTES_MAX, Part, TemplateFault, Transform, TransformRefusal, filters};
use crate::envelope::{CONTENT_TYPE_JSON, Letter};
use crate::header::{CustomHeaders, HEADER_VALUE_BYTES_MAX};
use crate::json;

/// Steps that all templates of a transform may take together.
const STEPS_MAX: u64 = 100_000;
/// Bytes of the event that they may go through besides, where no steps are counted.
const METERED_BYTES_MAX: usize = 16 * 1_024 * 1_024;
/// Bytes of one text that may be read to the end time and again without there being fewer steps for it.
const SHORT_TEXT_BYTES: usize = 8 * 1_024;
/// Fewest steps however long the texts are.
const STEPS_MIN: u64 = 1_000;
/// How much longer a text is when it is written as JSON or in capitals, at most.
const COPIES_TIMES: usize = 6;
/// Largest input of a template that runs where it is called.
const SMALL_BYTES: usize = 8 * 1_024;

/// Templates ready to run.
pub struct CompiledTransform {
    environment: Environment<'static>,
    headers: Vec<(String, String)>,
    has_body: bool,
    content_type: HeaderValue,
    has_loops: bool,
    reads_texts_in_loops: bool,
    texts: Texts,
}

/// What templates made of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transformed {
    /// The body and its media type, if a template makes it.
    pub body: Option<(Bytes, HeaderValue)>,
    /// The headers.
    pub headers: CustomHeaders,
}

impl CompiledTransform {
    /// Compiles the templates.
    ///
    /// # Errors
    /// The first thing that is wrong, and where.
    pub fn new(transform: &Transform) -> Result<Self, TransformRefusal> {
        let content_type = transform.check()?;
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        filters::install(&mut environment);
        let mut compiled = Self {
            environment,
            headers: Vec::new(),
            has_body: transform.body.is_some(),
            content_type,
            has_loops: false,
            reads_texts_in_loops: false,
            texts: Texts::default(),
        };
        if let Some(source) = &transform.body {
            compiled.add(&Part::Body, "body".to_owned(), source)?;
        }
        for (name, source) in &transform.headers {
            let key = format!("header {name}");
            compiled.add(&Part::Header(name.clone()), key.clone(), source)?;
            compiled.headers.push((name.clone(), key));
        }
        Ok(compiled)
    }

    fn add(&mut self, part: &Part, name: String, source: &str) -> Result<(), TransformRefusal> {
        let refused = |fault: Fault| TransformRefusal::new(part.clone(), Some(fault.line), fault.message);
        let checked = grammar::check(source).map_err(refused)?;
        self.has_loops |= checked.has_loops;
        self.reads_texts_in_loops |= checked.reads_texts_in_loops;
        self.texts = self.texts.max(checked.texts);
        let added = self.environment.add_template_owned(name, source.to_owned());
        added.map_err(|error| refused(grammar::fault_of(&error)))
    }

    /// Whether it may take longer than a moment on this event, so that it should not run among short pieces of work.
    pub fn is_slow_on(&self, letter: &Letter<'_>) -> bool {
        self.has_loops || letter.event.bytes() > SMALL_BYTES
    }

    /// Runs the templates.
    ///
    /// # Errors
    /// When one of them fails or makes what cannot be sent.
    pub fn apply(&self, letter: &Letter<'_>) -> Result<Transformed, TemplateFault> {
        let mut planter = Planter { meter: Meter::new(METERED_BYTES_MAX), longest_text: 0 };
        let context = context_of(letter, &mut planter)?;
        let steps = self.steps_for(self.longest_text(letter, planter.longest_text));
        let mut run =
            Run { environment: self.environment.clone(), context, meter: planter.meter, steps, left: steps };
        let body = if self.has_body { Some(self.body(&mut run)?) } else { None };
        let mut headers = Vec::with_capacity(self.headers.len());
        for (name, key) in &self.headers {
            let value = run.template(key, HEADER_VALUE_BYTES_MAX)?;
            let value = String::from_utf8(value).map_err(|_| TemplateFault(format!("{key}: not UTF-8")))?;
            headers.push((name.as_str(), value.trim().to_owned()));
        }
        let headers = CustomHeaders::parse(headers).map_err(|refusal| TemplateFault(refusal.to_string()))?;
        Ok(Transformed { body, headers })
    }

    /// The longest text that may be read to its end in one uncounted step, in bytes.
    fn longest_text(&self, letter: &Letter<'_>, of_data: usize) -> usize {
        let all = letter.event.bytes();
        match self.texts {
            Texts::OfData => of_data,
            Texts::WholeData => all,
            Texts::Copies => (COPIES_TIMES * all).min(VALUE_BYTES_MAX),
            Texts::Made => VALUE_BYTES_MAX,
        }
    }

    /// Fewer, where each of them may read a text that is longer than usual.
    fn steps_for(&self, longest_text: usize) -> u64 {
        if !self.reads_texts_in_loops || longest_text <= SHORT_TEXT_BYTES {
            return STEPS_MAX;
        }
        let fewer = STEPS_MAX * SHORT_TEXT_BYTES as u64 / longest_text as u64;
        fewer.max(STEPS_MIN)
    }

    fn body(&self, run: &mut Run) -> Result<(Bytes, HeaderValue), TemplateFault> {
        let body = run.template("body", OUTPUT_BYTES_MAX)?;
        if self.content_type == CONTENT_TYPE_JSON {
            json::check(&body)
                .map_err(|error| TemplateFault(format!("body: what was made is not JSON: {error}")))?;
        }
        Ok((body.into(), self.content_type.clone()))
    }
}

/// The templates of a transform on one event.
struct Run {
    environment: Environment<'static>,
    context: Value,
    meter: Arc<Meter>,
    steps: u64,
    left: u64,
}

impl Run {
    fn template(&mut self, name: &str, limit: usize) -> Result<Vec<u8>, TemplateFault> {
        self.environment.set_fuel(Some(self.left));
        let template = self.environment.get_template(name).expect("it was compiled under this name");
        let mut output = Limited::new(limit);
        let result = template.render_captured_to(self.context.clone(), &mut output);
        let result = result.map(|captured| captured.state().fuel_levels().map_or(0, |(_, left)| left));
        if output.overflowed {
            return Err(TemplateFault(format!("{name}: the output is larger than {limit} bytes")));
        }
        if self.meter.is_spent() {
            let message = "the template compares or looks up by lists and objects too often";
            return Err(TemplateFault(format!("{name}: {message}; use a text or a number of them")));
        }
        self.left = result.map_err(|error| {
            let Fault { line, mut message } = grammar::fault_of(&error);
            if error.kind() == ErrorKind::OutOfFuel {
                message = format!("the template took more than {} steps", self.steps);
            }
            TemplateFault(format!("{name}, line {line}: {message}"))
        })?;
        Ok(output.into_bytes())
    }
}

/// What templates see.
fn context_of(letter: &Letter<'_>, planter: &mut Planter) -> Result<Value, TemplateFault> {
    let event = letter.event;
    if event.bytes() > INPUT_BYTES_MAX {
        let message =
            format!("the event's data is larger than the {INPUT_BYTES_MAX} bytes that templates take");
        return Err(TemplateFault(message));
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(context! {
        event => context! {
            id => event.id.to_string(),
            type => event.event_type.as_str(),
            timestamp => event.time.to_string(),
            subject => event.subject.as_deref(),
            data => value_of("data", &event.data, planter)?,
            previous_data => match &event.previous_data {
                Some(bytes) => value_of("previous_data", bytes, planter)?,
                None => Value::from(()),
            },
            data_json => text(&event.data),
            previous_data_json => event.previous_data.as_deref().map_or_else(|| "null".to_owned(), text),
        },
        webhook => context! { id => letter.webhook.to_string() },
        delivery => context! { id => letter.delivery.to_string() },
    })
}

/// Data that is not JSON is text.
fn value_of(name: &str, bytes: &[u8], planter: &mut Planter) -> Result<Value, TemplateFault> {
    match serde_json::from_slice::<Value>(bytes) {
        Ok(value) => planter.plant(&value).map_err(|error| TemplateFault(error.to_string())),
        Err(_) if json::check(bytes).is_err() => {
            planter.longest_text = planter.longest_text.max(bytes.len());
            Ok(Value::from(String::from_utf8_lossy(bytes).into_owned()))
        }
        Err(error) => {
            Err(TemplateFault(format!("the event's {name} cannot be given to a template: {error}")))
        }
    }
}
