//! How deep a JSON text nests, without parsing it.

/// Offset of the first bracket that opens a level beyond `depth_max`, strings left out. The text need not be valid.
pub(super) fn first_deeper_than(bytes: &[u8], depth_max: usize) -> Option<usize> {
    // Most bodies have fewer brackets in all than the depth allows, and counting is many times faster than scanning.
    if count_openers(bytes) <= depth_max {
        return None;
    }
    let mut depth = 0_usize;
    let mut rest = bytes.iter().enumerate();
    while let Some((at, byte)) = rest.next() {
        match byte {
            b'"' => skip_string(&mut rest),
            b'[' | b'{' => {
                depth += 1;
                if depth > depth_max {
                    return Some(at);
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

/// Counts `[` and `{`, also inside strings.
fn count_openers(bytes: &[u8]) -> usize {
    // A piece of 255 cannot overflow its byte. Wrapping spares the check that would keep the compiler from counting
    // 16 or 32 bytes at a time.
    let count =
        |piece: &[u8]| piece.iter().fold(0_u8, |sum, byte| sum.wrapping_add(u8::from(byte | 0x20 == b'{')));
    bytes.chunks(255).map(|piece| usize::from(count(piece))).sum()
}

/// Moves past the quote that closes a string whose opening quote was just read, or to the end if none does.
fn skip_string<'a>(rest: &mut impl Iterator<Item = (usize, &'a u8)>) {
    while let Some((_, byte)) = rest.next() {
        match byte {
            b'"' => return,
            b'\\' => _ = rest.next(),
            _ => {}
        }
    }
}
