//! Lists and objects of an event as templates see them. The engine counts no steps for what it does within one value: comparing
//! two of them, hashing one, writing one as text. Here two are compared in one step, by a digest that is made with them, and
//! the others draw on a [`Meter`].

use std::cmp::Ordering;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use minijinja::value::{DynObject, Enumerator, Object, ObjectRepr, ValueKind};
use minijinja::{Error, Value};

/// What a value weighs besides its text, in bytes.
pub(super) const VALUE_BYTES: usize = 8;
/// Integers in doubles below this are integers for a digest too: those that an integer of JSON can equal.
const INTEGERS_BELOW: f64 = 18_446_744_073_709_551_616.0;

/// What the templates of one transform may still go through without a step being counted, in bytes.
#[derive(Debug)]
pub(super) struct Meter(AtomicUsize);

impl Meter {
    pub(super) fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self(AtomicUsize::new(bytes)))
    }

    /// Whether there was enough left.
    fn take(&self, bytes: usize) -> bool {
        let left = self.0.load(Relaxed);
        self.0.store(left.saturating_sub(bytes), Relaxed);
        left > bytes
    }

    /// Whether more was wanted than there was.
    pub(super) fn is_spent(&self) -> bool {
        self.0.load(Relaxed) == 0
    }
}

/// A list or an object.
pub(super) struct Tree {
    /// The engine's own list or object, whose lists and objects are trees.
    inner: Value,
    repr: ObjectRepr,
    length: usize,
    /// Equal for equal ones. Objects are equal whatever the order of their members.
    digest: u128,
    /// Of all that lies within.
    pub(super) weight_bytes: usize,
    meter: Arc<Meter>,
}

/// What is known of a value while trees are made of it.
struct Measured {
    value: Value,
    digest: u128,
    weight_bytes: usize,
}

/// Makes trees of JSON.
pub(super) struct Planter {
    pub(super) meter: Arc<Meter>,
    /// The longest text so far, names of members included, in bytes.
    pub(super) longest_text: usize,
}

impl Planter {
    /// The value with trees in the place of its lists and objects.
    ///
    /// # Errors
    /// None for JSON.
    pub(super) fn plant(&mut self, value: &Value) -> Result<Value, Error> {
        Ok(self.measured(value)?.value)
    }

    fn measured(&mut self, value: &Value) -> Result<Measured, Error> {
        match value.kind() {
            ValueKind::Seq => self.list(value),
            ValueKind::Map => self.object(value),
            _ => {
                let text = value.as_str().map_or(0, str::len);
                self.longest_text = self.longest_text.max(text);
                let weight_bytes = VALUE_BYTES + text;
                Ok(Measured { value: value.clone(), digest: digest_of(value)?, weight_bytes })
            }
        }
    }

    fn list(&mut self, value: &Value) -> Result<Measured, Error> {
        let (mut items, mut digests, mut weight_bytes) = (Vec::new(), Vec::new(), VALUE_BYTES);
        for item in value.try_iter()? {
            let item = self.measured(&item)?;
            weight_bytes += item.weight_bytes;
            digests.push(item.digest);
            items.push(item.value);
        }
        let (length, digest) = (items.len(), digest(b'[', &digests));
        Ok(self.tree(Value::from(items), ObjectRepr::Seq, length, digest, weight_bytes))
    }

    fn object(&mut self, value: &Value) -> Result<Measured, Error> {
        let (mut members, mut sum, mut weight_bytes) = (Vec::new(), 0_u128, VALUE_BYTES);
        for name in value.try_iter()? {
            let member = self.measured(&value.get_item(&name)?)?;
            let name = self.measured(&name)?;
            weight_bytes += name.weight_bytes + member.weight_bytes;
            sum = sum.wrapping_add(digest(b':', &(name.digest, member.digest)));
            members.push((name.value, member.value));
        }
        let length = members.len();
        let inner = Value::from_pairs(members);
        Ok(self.tree(inner, ObjectRepr::Map, length, digest(b'{', &sum), weight_bytes))
    }

    fn tree(
        &self,
        inner: Value,
        repr: ObjectRepr,
        length: usize,
        digest: u128,
        weight_bytes: usize,
    ) -> Measured {
        let meter = Arc::clone(&self.meter);
        let tree = Tree { inner, repr, length, digest, weight_bytes, meter };
        Measured { value: Value::from_object(tree), digest, weight_bytes }
    }
}

/// Of a text, a number, a boolean or null: equal where the engine finds them equal, so `1.0` is `1`.
fn digest_of(value: &Value) -> Result<u128, Error> {
    Ok(match value.kind() {
        ValueKind::Number if !value.is_integer() => {
            let number = f64::try_from(value.clone())?;
            if number.fract() == 0.0 && number.abs() < INTEGERS_BELOW {
                #[expect(clippy::cast_possible_truncation, reason = "it is an integer within bounds")]
                digest(b'n', &(number as i128))
            } else {
                digest(b'f', &number.to_bits())
            }
        }
        ValueKind::Number => digest(b'n', &i128::try_from(value.clone())?),
        ValueKind::Bool => digest(b'n', &i128::from(value.is_true())),
        _ => digest(b's', &value.as_str()),
    })
}

/// 128 bits, so that two different values of one event do not have the same one.
fn digest(kind: u8, content: &impl Hash) -> u128 {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        (salt, kind).hash(&mut hasher);
        content.hash(&mut hasher);
        u128::from(hasher.finish())
    };
    half(0) << 64 | half(1)
}

impl Tree {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.meter.take(self.weight_bytes) {
            return Ok(());
        }
        f.write_str(&serde_json::to_string(&self.inner).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f)
    }
}

impl Object for Tree {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        self.repr
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.inner.get_item(key).ok().filter(|value| !value.is_undefined())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        if !self.meter.take(self.length * VALUE_BYTES) {
            return Enumerator::Empty;
        }
        match self.inner.try_iter() {
            Ok(names) if self.repr == ObjectRepr::Map => Enumerator::Iter(Box::new(names)),
            _ => Enumerator::Seq(self.length),
        }
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.length)
    }

    /// Lists and objects are equal or not; which of two comes first means nothing, but it is always the same one.
    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        let other = other.downcast_ref::<Self>().filter(|other| other.repr == self.repr)?;
        Some((self.length, self.digest).cmp(&(other.length, other.digest)))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f)
    }
}
