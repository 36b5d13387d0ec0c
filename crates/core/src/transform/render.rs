//! Compiling templates and running them on an event.

use bytes::Bytes;
use http::HeaderValue;
use minijinja::{Environment, ErrorKind, UndefinedBehavior, Value, context};

use super::grammar::{self, Fault};
use super::limited::Limited;
use super::{INPUT_BYTES_MAX, OUTPUT_BYTES_MAX, Part, TemplateFault, Transform, TransformRefusal, filters};
use crate::envelope::{CONTENT_TYPE_JSON, Letter};
use crate::header::{CustomHeaders, HEADER_VALUE_BYTES_MAX};
use crate::json;

/// Steps that one template may take.
const STEPS_MAX: u64 = 50_000;
/// Bytes of an event that all comparisons of two values in loops may go through together: each may go through the whole event
/// and takes three steps at least, so these are about 10 million elementary operations.
const COMPARED_BYTES_MAX: u64 = 20_000_000;
/// Fewest steps that such a template may take.
const COMPARING_STEPS_MIN: u64 = 200;
/// Largest input of a template that runs where it is called.
const SMALL_BYTES: usize = 8 * 1_024;

/// Templates ready to run.
pub struct CompiledTransform {
    environment: Environment<'static>,
    headers: Vec<(String, String)>,
    has_body: bool,
    content_type: HeaderValue,
    has_loops: bool,
    compares_in_loops: bool,
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
        environment.set_fuel(Some(STEPS_MAX));
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        filters::install(&mut environment);
        let mut compiled = Self {
            environment,
            headers: Vec::new(),
            has_body: transform.body.is_some(),
            content_type,
            has_loops: false,
            compares_in_loops: false,
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
        self.compares_in_loops |= checked.compares_in_loops;
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
        let context = context_of(letter)?;
        let steps = self.steps_on(letter);
        let fewer = (steps < STEPS_MAX).then(|| {
            let mut environment = self.environment.clone();
            environment.set_fuel(Some(steps));
            environment
        });
        let run = Run { environment: fewer.as_ref().unwrap_or(&self.environment), context, steps };
        let body = if self.has_body { Some(self.body(&run)?) } else { None };
        let mut headers = Vec::with_capacity(self.headers.len());
        for (name, key) in &self.headers {
            let value = run.template(key, HEADER_VALUE_BYTES_MAX)?;
            let value = String::from_utf8(value).map_err(|_| TemplateFault(format!("{key}: not UTF-8")))?;
            headers.push((name.as_str(), value.trim().to_owned()));
        }
        let headers = CustomHeaders::parse(headers).map_err(|refusal| TemplateFault(refusal.to_string()))?;
        Ok(Transformed { body, headers })
    }

    /// Steps that a template may take on this event.
    fn steps_on(&self, letter: &Letter<'_>) -> u64 {
        if !self.compares_in_loops {
            return STEPS_MAX;
        }
        let bytes = (letter.event.bytes() as u64).max(1);
        (3 * COMPARED_BYTES_MAX / bytes).clamp(COMPARING_STEPS_MIN, STEPS_MAX)
    }

    fn body(&self, run: &Run<'_>) -> Result<(Bytes, HeaderValue), TemplateFault> {
        let body = run.template("body", OUTPUT_BYTES_MAX)?;
        if self.content_type == CONTENT_TYPE_JSON {
            json::check(&body)
                .map_err(|error| TemplateFault(format!("body: what was made is not JSON: {error}")))?;
        }
        Ok((body.into(), self.content_type.clone()))
    }
}

/// The templates of a transform on one event.
struct Run<'t> {
    environment: &'t Environment<'static>,
    context: Value,
    steps: u64,
}

impl Run<'_> {
    fn template(&self, name: &str, limit: usize) -> Result<Vec<u8>, TemplateFault> {
        let template = self.environment.get_template(name).expect("it was compiled under this name");
        let mut output = Limited::new(limit);
        let result = template.render_captured_to(self.context.clone(), &mut output).map(|_| ());
        if output.overflowed {
            return Err(TemplateFault(format!("{name}: the output is larger than {limit} bytes")));
        }
        result.map_err(|error| {
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
fn context_of(letter: &Letter<'_>) -> Result<Value, TemplateFault> {
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
            data => value_of("data", &event.data)?,
            previous_data => match &event.previous_data {
                Some(bytes) => value_of("previous_data", bytes)?,
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
fn value_of(name: &str, bytes: &[u8]) -> Result<Value, TemplateFault> {
    match serde_json::from_slice::<Value>(bytes) {
        Ok(value) => Ok(value),
        Err(_) if json::check(bytes).is_err() => Ok(Value::from(String::from_utf8_lossy(bytes).into_owned())),
        Err(error) => {
            Err(TemplateFault(format!("the event's {name} cannot be given to a template: {error}")))
        }
    }
}
