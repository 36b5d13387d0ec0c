//! Places of a request, checked, and what stands there.

use std::borrow::Cow;

use super::body::{Path, scalar};
use super::given::Given;
use super::record::Place;
use super::refusal::Refusal;
use super::request::Request;

/// A [`Place`] whose name is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Spot {
    Header(Box<str>),
    Query(Box<str>),
    Part(Box<str>),
    Body(Box<str>, Path),
}

impl Spot {
    /// Checks the names. `has_parts`: whether the signature header is a list of parts.
    pub(super) fn new(place: &Place, has_parts: bool) -> Result<Self, &'static str> {
        Ok(match place {
            Place::Header(name) => Self::Header(header_name(name)?),
            Place::Query(name) if name.is_empty() => return Err("the name of the parameter is empty"),
            Place::Query(name) => Self::Query(name.as_str().into()),
            Place::Part(_) if !has_parts => return Err("a part needs signature.parts"),
            Place::Part(name) => Self::Part(name.as_str().into()),
            Place::Body(path) => Self::Body(path.as_str().into(), Path::parse(path)?),
        })
    }

    /// What stands there, unless it is in the body.
    pub(super) fn outside<'a>(
        &self,
        request: &Request<'a>,
        given: Option<&Given<'a>>,
    ) -> Result<Option<Cow<'a, str>>, Refusal> {
        Ok(match self {
            Self::Header(name) => request.header(name)?.map(Cow::Borrowed),
            Self::Query(name) => request.query(name),
            Self::Part(name) => given.and_then(|given| given.part(name)).map(Cow::Borrowed),
            Self::Body(..) => None,
        }
        .filter(|text| !text.is_empty()))
    }

    /// The path in the body.
    pub(super) fn path(&self) -> Option<&Path> {
        if let Self::Body(_, path) = self { Some(path) } else { None }
    }

    /// How people call the place.
    pub(super) fn named(&self) -> Box<str> {
        match self {
            Self::Header(name) => format!("the header {name}"),
            Self::Query(name) => format!("the query parameter {name}"),
            Self::Part(name) => format!("the part {name} of the signature"),
            Self::Body(name, _) => format!("the body's field {name}"),
        }
        .into()
    }
}

/// The first of the places that holds something; `values` are what the body has at the places' paths, in order.
pub(super) fn first<'a>(
    spots: &[Spot],
    request: &Request<'a>,
    given: Option<&Given<'a>>,
    values: &mut impl Iterator<Item = Option<&'a str>>,
) -> Result<Option<String>, Refusal> {
    let mut found = None;
    for spot in spots {
        let here = match spot {
            Spot::Body(..) => values.next().flatten().and_then(scalar).filter(|text| !text.is_empty()),
            _ => spot.outside(request, given)?.map(Cow::into_owned),
        };
        found = found.or(here);
    }
    Ok(found)
}

/// The name in lower case, if it is one (RFC 9110 section 5.6.2).
pub(super) fn header_name(name: &str) -> Result<Box<str>, &'static str> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || name.len() > 128 || !name.bytes().all(is_token) {
        return Err("not the name of a header");
    }
    Ok(name.to_ascii_lowercase().into())
}
