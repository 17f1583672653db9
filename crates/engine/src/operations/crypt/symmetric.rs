//! Encryption and decryption with symmetric keys.

use strongroom_crypto::cipher::{self, Ciphertext, Spec, is_aead, iv_len};
use strongroom_kmip::{CryptographicAlgorithm, Tag, View};
use strongroom_model::ManagedObject;
use zeroize::Zeroizing;

use super::iv::{self, Iv};
use super::{data, octets};
use crate::cache::Cached;
use crate::context::Ctx;
use crate::operations::get::algorithm;
use crate::operations::keys::{
    self, Parameters, bad_parameters, check_algorithm, same_family, spend_usage,
};
use crate::refusal::Refusal;
use crate::streams::{Decryption, Part, Work};

/// Tag length in bytes when nobody names one.
const USUAL_TAG: usize = 16;

pub(super) fn encrypt(
    ctx: &mut Ctx<'_, '_>,
    payload: View<'_>,
    part: Part<'_>,
    cached: &Cached,
) -> Result<(), Refusal> {
    let object = &cached.object;
    let data = data(payload, part)?;
    let holder = ctx.holder(Some(&object.id));
    if let Some(correlation) = part.correlation() {
        spend_usage(ctx, object, data.len(), false)?;
        ctx.before_stream(part, &holder)?;
        let Work::Encrypt(mut stream) = ctx.take_stream(correlation, &holder)? else {
            return Err(another_kind());
        };
        let mut made = Ciphertext { data: stream.update(data)?, tag: None };
        if matches!(part, Part::Last(_)) {
            let rest = stream.finish(None)?;
            made.data.extend_from_slice(&rest.data);
            made.tag = rest.tag;
            write_encrypted(ctx, object, part, made, None, None);
        } else {
            let correlation = ctx.keep_stream(part, holder, Work::Encrypt(stream))?;
            write_encrypted(ctx, object, part, made, None, Some(&correlation));
        }
        return Ok(());
    }
    let parameters = Parameters::of_request(payload, object)?;
    let spec = spec(ctx, object, &parameters)?;
    let aad = octets(payload, Tag::AUTHENTICATED_ENCRYPTION_ADDITIONAL_DATA).unwrap_or_default();
    let given = octets(payload, Tag::IV_COUNTER_NONCE).filter(|iv| !iv.is_empty());
    spend_usage(ctx, object, data.len(), true)?;
    let iv = iv::for_encryption(ctx, object, &spec, &parameters, given)?;
    let key = keys::octets(ctx, cached)?;
    if part == Part::Whole {
        let made = cipher::encrypt(&key, &spec, &iv.octets, aad, data)?;
        write_encrypted(ctx, object, part, made, Some(&iv), None);
        return Ok(());
    }
    ctx.before_stream(part, &holder)?;
    let mut stream = cipher::Stream::encrypt(&key, &spec, &iv.octets, aad)?;
    let made = Ciphertext { data: stream.update(data)?, tag: None };
    let correlation = ctx.keep_stream(part, holder, Work::Encrypt(Box::new(stream)))?;
    write_encrypted(ctx, object, part, made, Some(&iv), Some(&correlation));
    Ok(())
}

pub(super) fn decrypt(
    ctx: &mut Ctx<'_, '_>,
    payload: View<'_>,
    part: Part<'_>,
    cached: &Cached,
) -> Result<(), Refusal> {
    let object = &cached.object;
    let data = data(payload, part)?;
    let tag = octets(payload, Tag::AUTHENTICATED_ENCRYPTION_TAG);
    let holder = ctx.holder(Some(&object.id));
    if let Some(correlation) = part.correlation() {
        ctx.before_stream(part, &holder)?;
        let Work::Decrypt(mut decryption) = ctx.take_stream(correlation, &holder)? else {
            return Err(another_kind());
        };
        let mut plain = decryption.update(data, tag)?;
        if matches!(part, Part::Last(_)) {
            let rest = Zeroizing::new(decryption.finish()?);
            plain.extend_from_slice(&rest);
            write_decrypted(ctx, object, part, &plain, None);
        } else {
            let correlation = ctx.keep_stream(part, holder, Work::Decrypt(decryption))?;
            write_decrypted(ctx, object, part, &plain, Some(&correlation));
        }
        return Ok(());
    }
    let parameters = Parameters::of_request(payload, object)?;
    let spec = spec(ctx, object, &parameters)?;
    let iv = octets(payload, Tag::IV_COUNTER_NONCE).unwrap_or_default();
    if iv.is_empty() && iv_len(&spec)?.is_some() {
        return Err(Refusal::invalid_message(
            "IV/Counter/Nonce is missing: it came with the reply to Encrypt, or was the caller's",
        ));
    }
    let aad = octets(payload, Tag::AUTHENTICATED_ENCRYPTION_ADDITIONAL_DATA).unwrap_or_default();
    let key = keys::octets(ctx, cached)?;
    if part == Part::Whole {
        let (data, tag) = split_tag(&spec, data, tag)?;
        let plain = Zeroizing::new(cipher::decrypt(&key, &spec, iv, aad, data, tag)?);
        write_decrypted(ctx, object, part, &plain, None);
        return Ok(());
    }
    ctx.before_stream(part, &holder)?;
    let mut decryption = Box::new(Decryption {
        stream: cipher::Stream::decrypt(&key, &spec, iv, aad)?,
        tag_length: is_aead(&spec).then(|| spec.tag_length.unwrap_or(USUAL_TAG)),
        tag: None,
        tail: Vec::new(),
    });
    let plain = decryption.update(data, tag)?;
    let correlation = ctx.keep_stream(part, holder, Work::Decrypt(decryption))?;
    write_decrypted(ctx, object, part, &plain, Some(&correlation));
    Ok(())
}

/// The cipher that a key and parameters come to.
fn spec(
    ctx: &mut Ctx<'_, '_>,
    object: &ManagedObject,
    parameters: &Parameters,
) -> Result<Spec, Refusal> {
    let algorithm = cipher_of(algorithm(object), parameters.algorithm)?;
    check_algorithm(ctx.engine.config.legacy_algorithms, algorithm, None)?;
    parameters.check_tag_length(object)?;
    let spec = parameters.spec(algorithm);
    let streams = matches!(
        algorithm,
        CryptographicAlgorithm::CHACHA20
            | CryptographicAlgorithm::CHACHA20POLY1305
            | CryptographicAlgorithm::RC4
    );
    match spec.mode {
        Some(mode) => ctx.note("mode", mode.name()),
        None if streams => {}
        None => {
            return Err(bad_parameters(format!(
                "Block Cipher Mode is missing: neither the request nor object {} names one",
                object.id
            )));
        }
    }
    Ok(spec)
}

/// The algorithm: the key's, which the parameters may repeat but not change.
fn cipher_of(
    key: Option<CryptographicAlgorithm>,
    asked: Option<CryptographicAlgorithm>,
) -> Result<CryptographicAlgorithm, Refusal> {
    match (key, asked) {
        (Some(key), Some(asked)) if !same_family(key, asked) => {
            Err(bad_parameters(format!("the parameters ask for {asked}, the key is one of {key}")))
        }
        (Some(algorithm), _) | (None, Some(algorithm)) => Ok(algorithm),
        (None, None) => Err(bad_parameters("Cryptographic Algorithm is missing")),
    }
}

/// Where the tag is: in its field, else at the end of the data.
fn split_tag<'a>(
    spec: &Spec,
    data: &'a [u8],
    tag: Option<&'a [u8]>,
) -> Result<(&'a [u8], Option<&'a [u8]>), Refusal> {
    if tag.is_some() || !is_aead(spec) {
        return Ok((data, tag));
    }
    let length = spec.tag_length.unwrap_or(USUAL_TAG);
    let cut = data.len().checked_sub(length).ok_or_else(missing_tag)?;
    let (data, tag) = data.split_at(cut);
    Ok((data, Some(tag)))
}

fn missing_tag() -> Refusal {
    Refusal::invalid_message("Authenticated Encryption Tag is missing")
}

fn another_kind() -> Refusal {
    Refusal::new(
        strongroom_kmip::ResultReason::INVALID_CORRELATION_VALUE,
        "the Correlation Value is that of another kind of operation",
    )
}

impl Decryption {
    /// Takes the next piece; `tag` may come with any of them.
    fn update(&mut self, data: &[u8], tag: Option<&[u8]>) -> Result<Zeroizing<Vec<u8>>, Refusal> {
        if let Some(tag) = tag {
            self.tag = Some(tag.to_vec());
        }
        let ready = match (self.tag_length, &self.tag) {
            // As long as no tag came, the last bytes may be it.
            (Some(length), None) => {
                self.tail.extend_from_slice(data);
                let ready = self.tail.len().saturating_sub(length);
                self.tail.drain(..ready).collect()
            }
            _ => {
                let mut ready = std::mem::take(&mut self.tail);
                ready.extend_from_slice(data);
                ready
            }
        };
        Ok(Zeroizing::new(self.stream.update(&ready)?))
    }

    fn finish(self: Box<Self>) -> Result<Vec<u8>, Refusal> {
        let this = *self;
        let tag = match (this.tag_length, this.tag) {
            (None, _) => None,
            (Some(_), Some(tag)) => Some(tag),
            (Some(length), None) if this.tail.len() == length => Some(this.tail),
            (Some(_), None) => return Err(missing_tag()),
        };
        Ok(this.stream.finish(tag.as_deref())?.data)
    }
}

fn write_encrypted(
    ctx: &mut Ctx<'_, '_>,
    object: &ManagedObject,
    part: Part<'_>,
    mut made: Ciphertext,
    iv: Option<&Iv>,
    correlation: Option<&[u8]>,
) {
    let has_field = Tag::AUTHENTICATED_ENCRYPTION_TAG.exists_in(ctx.version);
    if !has_field && let Some(tag) = made.tag.take() {
        made.data.extend_from_slice(&tag);
    }
    ctx.out.text(Tag::UNIQUE_IDENTIFIER, object.id.as_str());
    if part == Part::Whole || !made.data.is_empty() {
        ctx.out.bytes(Tag::DATA, &made.data);
    }
    if let Some(iv) = iv.filter(|iv| iv.made_here) {
        ctx.out.bytes(Tag::IV_COUNTER_NONCE, &iv.octets);
    }
    if let Some(correlation) = correlation {
        ctx.out.bytes(Tag::CORRELATION_VALUE, correlation);
    }
    if let Some(tag) = &made.tag {
        ctx.out.bytes(Tag::AUTHENTICATED_ENCRYPTION_TAG, tag);
    }
}

fn write_decrypted(
    ctx: &mut Ctx<'_, '_>,
    object: &ManagedObject,
    part: Part<'_>,
    plain: &[u8],
    correlation: Option<&[u8]>,
) {
    ctx.out.text(Tag::UNIQUE_IDENTIFIER, object.id.as_str());
    if part == Part::Whole || !plain.is_empty() {
        ctx.out.bytes(Tag::DATA, plain);
    }
    if let Some(correlation) = correlation {
        ctx.out.bytes(Tag::CORRELATION_VALUE, correlation);
    }
}

#[cfg(test)]
mod tests {
    use strongroom_kmip::{BlockCipherMode, ResultReason};
    use strongroom_secmem::SecretBytes;

    use super::*;

    const AES: CryptographicAlgorithm = CryptographicAlgorithm::AES;

    fn gcm() -> Spec {
        Spec::new(AES, Some(BlockCipherMode::GCM))
    }

    fn decryption(key: &SecretBytes) -> Box<Decryption> {
        Box::new(Decryption {
            stream: cipher::Stream::decrypt(key, &gcm(), &[0; 12], b"a").unwrap(),
            tag_length: Some(16),
            tag: None,
            tail: Vec::new(),
        })
    }

    #[test]
    fn parameters_may_repeat_the_algorithm_but_not_change_it() {
        assert_eq!(cipher_of(Some(AES), Some(AES)), Ok(AES));
        assert_eq!(cipher_of(None, Some(AES)), Ok(AES));
        let refusal = cipher_of(Some(AES), Some(CryptographicAlgorithm::CHACHA20)).unwrap_err();
        assert_eq!(refusal.reason, ResultReason::BAD_CRYPTOGRAPHIC_PARAMETERS);
    }

    #[test]
    fn the_tag_is_at_the_end_of_the_data_unless_it_has_its_field() {
        let data = [1; 20];
        assert_eq!(split_tag(&gcm(), &data, None), Ok((&data[..4], Some(&data[4..]))));
        assert_eq!(split_tag(&gcm(), &data, Some(&[2])), Ok((&data[..], Some(&[2][..]))));
        assert!(split_tag(&gcm(), &data[..15], None).is_err());
        let cbc = Spec::new(AES, Some(BlockCipherMode::CBC));
        assert_eq!(split_tag(&cbc, &data, None), Ok((&data[..], None)));
    }

    #[test]
    fn a_stream_finds_the_tag_wherever_it_comes() {
        let key = SecretBytes::from_slice(&[3; 32]).unwrap();
        let sealed = cipher::encrypt(&key, &gcm(), &[0; 12], b"a", &[5; 40]).unwrap();
        let tag = sealed.tag.unwrap();

        // At the data's end, in odd pieces.
        let mut all = sealed.data.clone();
        all.extend_from_slice(&tag);
        let mut at_end = decryption(&key);
        for piece in all.chunks(7) {
            assert!(at_end.update(piece, None).unwrap().is_empty());
        }
        assert_eq!(at_end.finish().unwrap(), [5; 40]);

        // In its field, with the first or the last piece.
        let mut first = decryption(&key);
        first.update(&sealed.data, Some(&tag)).unwrap();
        assert_eq!(first.finish().unwrap(), [5; 40]);
        let mut last = decryption(&key);
        last.update(&sealed.data, None).unwrap();
        last.update(&[], Some(&tag)).unwrap();
        assert_eq!(last.finish().unwrap(), [5; 40]);

        let mut none = decryption(&key);
        none.update(&tag[..8], None).unwrap();
        assert!(none.finish().is_err());
    }
}
