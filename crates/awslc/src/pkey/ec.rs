//! Elliptic-curve keys by component, and key agreement.

use std::os::raw::c_int;
use std::ptr;

use aws_lc_sys as ffi;

use super::{Key, Kind, PrivateKey, PublicKey};
use crate::bn::{Bn, Scratch};
use crate::buffer::{Buffer, reader};
use crate::{Error, clear_errors, ok};

/// A Weierstrass curve of the library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Curve {
    P224,
    P256,
    P384,
    P521,
    Secp256k1,
}

impl Curve {
    /// Every curve.
    pub const ALL: [Self; 5] = [Self::P224, Self::P256, Self::P384, Self::P521, Self::Secp256k1];

    /// Length of a coordinate and of a private key in bytes.
    pub const fn field_len(self) -> usize {
        match self {
            Self::P224 => 28,
            Self::P256 | Self::Secp256k1 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    fn nid(self) -> c_int {
        match self {
            Self::P224 => ffi::NID_secp224r1,
            Self::P256 => ffi::NID_X9_62_prime256v1,
            Self::P384 => ffi::NID_secp384r1,
            Self::P521 => ffi::NID_secp521r1,
            Self::Secp256k1 => ffi::NID_secp256k1,
        }
    }
}

/// Parses SEC 1, of `curve` where the key names none.
fn parse_sec1(curve: Option<Curve>, der: &[u8]) -> Result<EcKey, Error> {
    let mut input = reader(der);
    // SAFETY: the reader covers `der`, which outlives the call; the group is a constant of the
    // library or null.
    let key = unsafe {
        let group = curve.map_or(ptr::null_mut(), |c| ffi::EC_GROUP_new_by_curve_name(c.nid()));
        ffi::EC_KEY_parse_private_key(input.as_mut_ptr(), group)
    };
    let key = EcKey::own(key, Error::BadKey("not a SEC 1 private key"))?;
    if !input.is_at_end() {
        return Err(Error::BadKey("bytes after the SEC 1 private key"));
    }
    Ok(key)
}

impl PrivateKey {
    pub(super) fn generate_ec(curve: Curve) -> Result<Self, Error> {
        let key = EcKey::new(curve)?;
        // SAFETY: the key is live and has its curve.
        ok(unsafe { ffi::EC_KEY_generate_key(key.0) }, Error::Internal("EC_KEY_generate_key"))?;
        key.into_key().map(Self)
    }

    /// From the private number, big-endian, leading zeros optional.
    pub fn from_ec_scalar(curve: Curve, d: &[u8]) -> Result<Self, Error> {
        let refused = Error::BadKey("not a private number of this curve");
        let key = EcKey::new(curve)?;
        let (d, scratch) = (Bn::from_bytes(d)?, Scratch::new()?);
        // SAFETY: all objects are live; EC_KEY_set_private_key refuses numbers out of range before
        // the point is computed; the point is freed on every way out.
        unsafe {
            ok(ffi::EC_KEY_set_private_key(key.0, d.as_ptr()), refused)?;
            let group = ffi::EC_KEY_get0_group(key.0);
            let point = ffi::EC_POINT_new(group);
            let (number, scratch) = (d.as_ptr(), scratch.as_ptr());
            let done = !point.is_null()
                && ffi::EC_POINT_mul(group, point, number, ptr::null(), ptr::null(), scratch) == 1
                && ffi::EC_KEY_set_public_key(key.0, point) == 1
                && ffi::EC_KEY_check_key(key.0) == 1;
            ffi::EC_POINT_free(point);
            if !done {
                clear_errors();
                return Err(refused);
            }
        }
        key.into_key().map(Self)
    }

    /// Parses SEC 1 (RFC 5915). A key that does not name its curve is of `curve`.
    pub fn from_sec1(curve: Option<Curve>, der: &[u8]) -> Result<Self, Error> {
        // What the key itself says counts: a caller may know no more than its length.
        let key = match (parse_sec1(None, der), curve) {
            (Err(_), Some(curve)) => parse_sec1(Some(curve), der),
            (parsed, _) => parsed,
        }?;
        let key = key.into_key()?;
        key.kind()?;
        Ok(Self(key))
    }

    /// As SEC 1, with curve and public key.
    pub fn to_sec1(&self) -> Result<Buffer, Error> {
        let key = self.0.ec()?;
        Buffer::marshal(Error::Internal("EC_KEY_marshal_private_key"), |out| {
            // SAFETY: the writer is valid and the key live; no flag leaves anything out.
            unsafe { ffi::EC_KEY_marshal_private_key(out, key, 0) }
        })
    }

    /// The private number, as long as the curve's field.
    pub fn ec_scalar(&self) -> Result<Buffer, Error> {
        let (key, curve) = (self.0.ec()?, self.0.curve()?);
        // SAFETY: the key is live, and so is the number in it while it is copied.
        let number = unsafe { ffi::EC_KEY_get0_private_key(key) };
        if number.is_null() {
            return Err(Error::BadKey("no private key"));
        }
        Bn::padded_bytes(number, curve.field_len())
    }

    /// The shared secret with `peer` (ECDH, X25519), unhashed.
    pub fn agree(&self, peer: &PublicKey) -> Result<Buffer, Error> {
        let len = match (self.kind()?, peer.kind()?) {
            (Kind::Ec(own), Kind::Ec(other)) if own == other => own.field_len(),
            (Kind::X25519, Kind::X25519) => 32,
            (Kind::Ec(_) | Kind::X25519, _) => {
                return Err(Error::BadKey("the keys are not of the same curve"));
            }
            _ => return Err(Error::Unsupported("key agreement with this algorithm")),
        };
        let operation = self.0.context()?;
        // SAFETY: the context and both keys are live.
        unsafe {
            let failed = Error::Internal("EVP_PKEY_derive_init");
            ok(ffi::EVP_PKEY_derive_init(operation.0), failed)?;
            let refused = Error::BadKey("the peer's key is refused");
            ok(ffi::EVP_PKEY_derive_set_peer(operation.0, peer.0.0), refused)?;
        }
        Buffer::build(len, |out| {
            let mut written = out.len();
            // SAFETY: `out` has the length of the curve's secret, which `written` says.
            let result =
                unsafe { ffi::EVP_PKEY_derive(operation.0, out.as_mut_ptr(), &raw mut written) };
            ok(result, Error::BadKey("the peer's key is refused"))?;
            Ok(written)
        })
    }
}

impl PublicKey {
    /// From a point (SEC 1: uncompressed or compressed).
    pub fn from_ec_point(curve: Curve, point: &[u8]) -> Result<Self, Error> {
        let key = EcKey::new(curve)?;
        // SAFETY: all objects are live; the point is freed on every way out.
        unsafe {
            let group = ffi::EC_KEY_get0_group(key.0);
            let parsed = ffi::EC_POINT_new(group);
            let (at, len, none) = (point.as_ptr(), point.len(), ptr::null_mut());
            let done = !parsed.is_null()
                && ffi::EC_POINT_oct2point(group, parsed, at, len, none) == 1
                && ffi::EC_KEY_set_public_key(key.0, parsed) == 1
                && ffi::EC_KEY_check_key(key.0) == 1;
            ffi::EC_POINT_free(parsed);
            if !done {
                clear_errors();
                return Err(Error::BadKey("not a point of this curve"));
            }
        }
        key.into_key().map(Self)
    }

    /// The point, uncompressed.
    pub fn ec_point(&self) -> Result<Vec<u8>, Error> {
        let (key, curve) = (self.0.ec()?, self.0.curve()?);
        let mut out = vec![0; 1 + 2 * curve.field_len()];
        // SAFETY: the key is live, and so are the group and point in it; `out` has the length of an
        // uncompressed point.
        let written = unsafe {
            let form = ffi::point_conversion_form_t::POINT_CONVERSION_UNCOMPRESSED;
            let (group, point) = (ffi::EC_KEY_get0_group(key), ffi::EC_KEY_get0_public_key(key));
            if point.is_null() {
                return Err(Error::BadKey("no public key"));
            }
            let (at, len, none) = (out.as_mut_ptr(), out.len(), ptr::null_mut());
            ffi::EC_POINT_point2oct(group, point, form, at, len, none)
        };
        if written != out.len() {
            clear_errors();
            return Err(Error::Internal("EC_POINT_point2oct"));
        }
        Ok(out)
    }
}

impl Key {
    pub(super) fn curve(&self) -> Result<Curve, Error> {
        let key = self.ec()?;
        // SAFETY: the key is live and has its group.
        let nid = unsafe { ffi::EC_GROUP_get_curve_name(ffi::EC_KEY_get0_group(key)) };
        let found = Curve::ALL.into_iter().find(|curve| curve.nid() == nid);
        found.ok_or(Error::Unsupported("this curve"))
    }

    /// The EC key inside; lives as long as `self`.
    fn ec(&self) -> Result<*mut ffi::EC_KEY, Error> {
        // SAFETY: the key is live; anything but an EC key gives null.
        let key = unsafe { ffi::EVP_PKEY_get0_EC_KEY(self.0) };
        if key.is_null() {
            clear_errors();
            return Err(Error::BadKey("not an elliptic-curve key"));
        }
        Ok(key)
    }
}

/// An EC key before it is wrapped.
struct EcKey(*mut ffi::EC_KEY);

impl EcKey {
    fn new(curve: Curve) -> Result<Self, Error> {
        // SAFETY: allocates or returns null, which is checked.
        let key = unsafe { ffi::EC_KEY_new_by_curve_name(curve.nid()) };
        Self::own(key, Error::Unsupported("this curve"))
    }

    fn own(key: *mut ffi::EC_KEY, error: Error) -> Result<Self, Error> {
        if key.is_null() {
            clear_errors();
            return Err(error);
        }
        Ok(Self(key))
    }

    fn into_key(self) -> Result<Key, Error> {
        let failed = Error::Internal("EVP_PKEY_set1_EC_KEY");
        // SAFETY: allocates or returns null, which is checked.
        let key = Key::own(unsafe { ffi::EVP_PKEY_new() }, failed)?;
        // SAFETY: both are live; the key takes a reference of its own.
        ok(unsafe { ffi::EVP_PKEY_set1_EC_KEY(key.0, self.0) }, failed)?;
        Ok(key)
    }
}

impl Drop for EcKey {
    fn drop(&mut self) {
        // SAFETY: owned, freed once.
        unsafe { ffi::EC_KEY_free(self.0) };
    }
}
