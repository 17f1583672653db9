//! Big numbers, as far as RSA and EC components need them.

use std::mem::ManuallyDrop;

use aws_lc_sys as ffi;

use crate::buffer::Buffer;
use crate::{Error, ok};

/// A number that the library wipes when freed.
pub(crate) struct Bn(*mut ffi::BIGNUM);

const FAILED: Error = Error::Internal("big number arithmetic");

impl Bn {
    pub(crate) fn zero() -> Result<Self, Error> {
        // SAFETY: allocates or returns null, which is checked.
        let number = unsafe { ffi::BN_new() };
        if number.is_null() { Err(FAILED) } else { Ok(Self(number)) }
    }

    /// From big-endian bytes.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let this = Self::zero()?;
        // SAFETY: `bytes` is valid for its length; the result goes into the number given.
        let result = unsafe { ffi::BN_bin2bn(bytes.as_ptr(), bytes.len(), this.0) };
        if result.is_null() { Err(FAILED) } else { Ok(this) }
    }

    pub(crate) fn as_ptr(&self) -> *const ffi::BIGNUM {
        self.0
    }

    pub(crate) fn as_mut_ptr(&self) -> *mut ffi::BIGNUM {
        self.0
    }

    /// Gives the number to a key of the library, which frees it.
    pub(crate) fn into_ptr(self) -> *mut ffi::BIGNUM {
        ManuallyDrop::new(self).0
    }

    pub(crate) fn is_zero(&self) -> bool {
        // SAFETY: the number is live.
        unsafe { ffi::BN_is_zero(self.0) == 1 }
    }

    fn is_one(&self) -> bool {
        // SAFETY: the number is live.
        unsafe { ffi::BN_is_one(self.0) == 1 }
    }

    fn equals(&self, other: &Self) -> bool {
        // SAFETY: both numbers are live.
        unsafe { ffi::BN_cmp(self.0, other.0) == 0 }
    }

    /// One less.
    pub(crate) fn minus_one(&self) -> Result<Self, Error> {
        let result = Self::zero()?;
        // SAFETY: all numbers are live; BN_value_one is a constant.
        ok(unsafe { ffi::BN_sub(result.0, self.0, ffi::BN_value_one()) }, FAILED)?;
        Ok(result)
    }

    fn shifted_right(&self, bits: i32) -> Result<Self, Error> {
        let result = Self::zero()?;
        // SAFETY: both numbers are live.
        ok(unsafe { ffi::BN_rshift(result.0, self.0, bits) }, FAILED)?;
        Ok(result)
    }

    fn low_zero_bits(&self) -> i32 {
        // SAFETY: the number is live.
        unsafe { ffi::BN_count_low_zero_bits(self.0) }
    }

    /// A copy as big-endian bytes without leading zeros.
    pub(crate) fn bytes(number: *const ffi::BIGNUM) -> Result<Buffer, Error> {
        // SAFETY: the callers pass a number that lives in a key they hold.
        let len = unsafe { ffi::BN_num_bytes(number) } as usize;
        Self::padded_bytes(number, len)
    }

    /// A copy as exactly `len` big-endian bytes.
    pub(crate) fn padded_bytes(number: *const ffi::BIGNUM, len: usize) -> Result<Buffer, Error> {
        Buffer::build(len, |out| {
            // SAFETY: as above; `out` has the `len` bytes that are written.
            ok(unsafe { ffi::BN_bn2bin_padded(out.as_mut_ptr(), len, number) }, FAILED)?;
            Ok(len)
        })
    }
}

impl Drop for Bn {
    fn drop(&mut self) {
        // SAFETY: allocated in `zero`, freed once; the library wipes it.
        unsafe { ffi::BN_clear_free(self.0) };
    }
}

/// Scratch space for arithmetic.
pub(crate) struct Scratch(*mut ffi::BN_CTX);

impl Scratch {
    pub(crate) fn new() -> Result<Self, Error> {
        // SAFETY: allocates or returns null, which is checked.
        let scratch = unsafe { ffi::BN_CTX_new() };
        if scratch.is_null() { Err(FAILED) } else { Ok(Self(scratch)) }
    }

    pub(crate) fn as_ptr(&self) -> *mut ffi::BN_CTX {
        self.0
    }

    pub(crate) fn product(&self, a: &Bn, b: &Bn) -> Result<Bn, Error> {
        let result = Bn::zero()?;
        // SAFETY: all numbers and the scratch are live.
        ok(unsafe { ffi::BN_mul(result.0, a.0, b.0, self.0) }, FAILED)?;
        Ok(result)
    }

    pub(crate) fn remainder(&self, a: &Bn, modulus: &Bn) -> Result<Bn, Error> {
        Ok(self.divide(a, modulus)?.1)
    }

    fn divide(&self, a: &Bn, by: &Bn) -> Result<(Bn, Bn), Error> {
        let (quotient, remainder) = (Bn::zero()?, Bn::zero()?);
        if by.is_zero() {
            return Err(Error::BadKey("a component is zero"));
        }
        // SAFETY: all numbers and the scratch are live and distinct.
        ok(unsafe { ffi::BN_div(quotient.0, remainder.0, a.0, by.0, self.0) }, FAILED)?;
        Ok((quotient, remainder))
    }

    /// The inverse of `a`, or an error when there is none.
    pub(crate) fn inverse(&self, a: &Bn, modulus: &Bn) -> Result<Bn, Error> {
        let result = Bn::zero()?;
        // SAFETY: all numbers and the scratch are live.
        let found = unsafe { ffi::BN_mod_inverse(result.0, a.0, modulus.0, self.0) };
        if found.is_null() {
            crate::clear_errors();
            return Err(Error::BadKey("its components do not fit together"));
        }
        Ok(result)
    }

    fn power(&self, base: &Bn, exponent: &Bn, modulus: &Bn) -> Result<Bn, Error> {
        let result = Bn::zero()?;
        // SAFETY: all numbers and the scratch are live.
        let done = unsafe { ffi::BN_mod_exp(result.0, base.0, exponent.0, modulus.0, self.0) };
        ok(done, Error::BadKey("its components do not fit together"))?;
        Ok(result)
    }

    fn common_divisor(&self, a: &Bn, b: &Bn) -> Result<Bn, Error> {
        let result = Bn::zero()?;
        // SAFETY: all numbers and the scratch are live.
        ok(unsafe { ffi::BN_gcd(result.0, a.0, b.0, self.0) }, FAILED)?;
        Ok(result)
    }

    /// The primes of an RSA modulus from both exponents (SP 800-56B, appendix C.2): `e * d - 1` is a
    /// multiple of the group's order, so the square roots of one that it yields give factors.
    pub(crate) fn factor(&self, n: &Bn, e: &Bn, d: &Bn) -> Result<(Bn, Bn), Error> {
        let no_key = || Error::BadKey("its exponents do not fit the modulus");
        let order = self.product(e, d)?.minus_one()?;
        if order.is_zero() || n.is_zero() || n.is_one() || n.low_zero_bits() != 0 {
            return Err(no_key());
        }
        let twos = order.low_zero_bits();
        let odd = order.shifted_right(twos)?;
        let minus_one = n.minus_one()?;
        // Each base succeeds with a chance of one half at least, for a true key.
        for base in 2..=128u8 {
            let mut root = self.power(&Bn::from_bytes(&[base])?, &odd, n)?;
            for _ in 0..twos {
                if root.is_one() || root.equals(&minus_one) || root.is_zero() {
                    break;
                }
                let square = self.remainder(&self.product(&root, &root)?, n)?;
                if square.is_one() {
                    let p = self.common_divisor(&root.minus_one()?, n)?;
                    let (q, rest) = self.divide(n, &p)?;
                    return if rest.is_zero() && !p.is_one() { Ok((p, q)) } else { Err(no_key()) };
                }
                root = square;
            }
        }
        Err(no_key())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // SAFETY: allocated in `new`, freed once.
        unsafe { ffi::BN_CTX_free(self.0) };
    }
}
