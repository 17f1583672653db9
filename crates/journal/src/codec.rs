//! The few byte codings that this crate's formats share: big-endian numbers and hex.

/// Bytes that do not hold what they should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bytes do not hold what they should")]
pub struct BadBytes;

pub(crate) fn put_u16(out: &mut Vec<u8>, v: u16) {
    out.extend_from_slice(&v.to_be_bytes());
}

pub(crate) fn put_u32(out: &mut Vec<u8>, v: u32) {
    out.extend_from_slice(&v.to_be_bytes());
}

pub(crate) fn put_u64(out: &mut Vec<u8>, v: u64) {
    out.extend_from_slice(&v.to_be_bytes());
}

/// Reads from the front of a slice; never past its end.
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Reader(bytes)
    }

    pub(crate) fn take(&mut self, n: usize) -> Result<&'a [u8], BadBytes> {
        let (head, rest) = self.0.split_at_checked(n).ok_or(BadBytes)?;
        self.0 = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], BadBytes> {
        let (head, rest) = self.0.split_first_chunk().ok_or(BadBytes)?;
        self.0 = rest;
        Ok(head)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, BadBytes> {
        Ok(self.array::<1>()?[0])
    }

    pub(crate) fn u16(&mut self) -> Result<u16, BadBytes> {
        Ok(u16::from_be_bytes(*self.array()?))
    }

    pub(crate) fn u32(&mut self) -> Result<u32, BadBytes> {
        Ok(u32::from_be_bytes(*self.array()?))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, BadBytes> {
        Ok(u64::from_be_bytes(*self.array()?))
    }

    pub(crate) fn hash(&mut self) -> Result<&'a [u8; 32], BadBytes> {
        self.array()
    }

    pub(crate) fn sixty_four(&mut self) -> Result<&'a [u8; 64], BadBytes> {
        self.array()
    }

    pub(crate) fn end(&self) -> Result<(), BadBytes> {
        if self.0.is_empty() { Ok(()) } else { Err(BadBytes) }
    }
}

/// Displays bytes as lower-case hex.
pub(crate) struct Hex<'a>(pub(crate) &'a [u8]);

impl std::fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

/// Reads exactly `N` bytes of hex.
pub(crate) fn unhex<const N: usize>(text: &str) -> Result<[u8; N], BadBytes> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return Err(BadBytes);
    }
    let nibble = |d: u8| (d as char).to_digit(16).map(|v| v as u8).ok_or(BadBytes);
    let mut out = [0; N];
    for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Ok(out)
}
