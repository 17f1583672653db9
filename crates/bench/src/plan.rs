//! Requests encoded before the clock runs. What differs from one key to the next (identifier,
//! ciphertext, name) is patched into a frame that stands ready.

use core::ops::Range;

/// A frame whose differing fields are known by their places.
#[derive(Debug)]
struct Template {
    bytes: Vec<u8>,
    slots: Vec<Range<usize>>,
}

/// The requests of one scenario, one for each key.
#[derive(Debug, Default)]
pub struct Plan {
    templates: Vec<Template>,
    /// Which template, and the fields' bytes one after the other.
    keys: Vec<(usize, Box<[u8]>)>,
}

/// One thread's copies of the frames, to be patched.
pub struct Scratch(Vec<Vec<u8>>);

impl Plan {
    /// The same request always.
    pub fn fixed(bytes: Vec<u8>) -> Self {
        Self { templates: vec![Template { bytes, slots: Vec::new() }], keys: vec![(0, [].into())] }
    }

    /// Adds the request that `encode` makes of these fields. It must put each field into the frame
    /// once and in this order, and make frames that differ in nothing else.
    pub fn add(&mut self, fields: &[&[u8]], encode: impl Fn(&[&[u8]]) -> Vec<u8>) {
        let lengths = |slots: &[Range<usize>]| slots.iter().map(Range::len).collect::<Vec<_>>();
        let wanted: Vec<usize> = fields.iter().map(|f| f.len()).collect();
        let known = self.templates.iter().position(|t| lengths(&t.slots) == wanted);
        let template = known.unwrap_or_else(|| {
            self.templates.push(Template::find(fields, encode));
            self.templates.len() - 1
        });
        self.keys.push((template, fields.concat().into()));
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Frames for one thread.
    pub fn scratch(&self) -> Scratch {
        Scratch(self.templates.iter().map(|t| t.bytes.clone()).collect())
    }

    /// The request for a key.
    pub fn request<'s>(&self, key: usize, scratch: &'s mut Scratch) -> &'s [u8] {
        let (template, fields) = &self.keys[key];
        let frame = &mut scratch.0[*template];
        let mut rest = &fields[..];
        for slot in &self.templates[*template].slots {
            let (field, after) = rest.split_at(slot.len());
            frame[slot.clone()].copy_from_slice(field);
            rest = after;
        }
        frame
    }
}

impl Template {
    /// Encodes twice with different letters in the fields: where the frames differ is a field.
    fn find(fields: &[&[u8]], encode: impl Fn(&[&[u8]]) -> Vec<u8>) -> Self {
        let filled = |byte: u8| {
            let fill: Vec<Vec<u8>> = fields.iter().map(|f| vec![byte; f.len()]).collect();
            encode(&fill.iter().map(Vec::as_slice).collect::<Vec<_>>())
        };
        let (bytes, other) = (filled(b'A'), filled(b'B'));
        assert_eq!(bytes.len(), other.len(), "the frames differ in more than the fields");
        let mut slots: Vec<Range<usize>> = Vec::new();
        for at in (0..bytes.len()).filter(|at| bytes[*at] != other[*at]) {
            match slots.last_mut() {
                Some(slot) if slot.end == at => slot.end = at + 1,
                _ => slots.push(at..at + 1),
            }
        }
        Self { bytes, slots }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(fields: &[&[u8]]) -> Vec<u8> {
        let mut out = b"<".to_vec();
        for field in fields {
            out.extend_from_slice(field);
            out.extend_from_slice(b"AB>");
        }
        out
    }

    #[test]
    fn a_patched_frame_is_the_frame_that_encoding_gives() {
        let mut plan = Plan::default();
        let keys: [[&[u8]; 2]; 4] =
            [[b"key-1", b"AB"], [b"A", b"xy"], [b"key-2", b"BA"], [b"B", b"zz"]];
        keys.iter().for_each(|k| plan.add(k, encode));
        assert_eq!((plan.len(), plan.templates.len()), (4, 2));
        let mut scratch = plan.scratch();
        for round in [0, 1, 2, 3, 1, 0] {
            assert_eq!(plan.request(round, &mut scratch), encode(&keys[round]));
        }
    }

    #[test]
    fn a_fixed_plan_has_one_request() {
        let plan = Plan::fixed(b"frame".to_vec());
        assert_eq!(plan.request(0, &mut plan.scratch()), b"frame");
    }
}
