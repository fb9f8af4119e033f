"""The signatures of the official vectors of BIP-340 (github.com/bitcoin/bips, bip-0340/test-vectors.csv)."""

from __future__ import annotations

import pytest
from coincurve import PrivateKey

from perdure.base.errors import InputError
from perdure.namespace.identity import curve

# index: secret key, public key, auxiliary randomness, message, signature
SIGNED = {
    0: (
        "0000000000000000000000000000000000000000000000000000000000000003",
        "F9308A019258C31049344F85F89D5229B531C845836F99B08601F113BCE036F9",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "E907831F80848D1069A5371B402410364BDF1C5F8307B0084C55F1CE2DCA8215"
        "25F66A4A85EA8B71E482A74F382D2CE5EBEEE8FDB2172F477DF4900D310536C0",
    ),
    1: (
        "B7E151628AED2A6ABF7158809CF4F3C762E7160F38B4DA56A784D9045190CFEF",
        "DFF1D77F2A671C5F36183726DB2341BE58FEAE1DA2DECED843240F7B502BA659",
        "0000000000000000000000000000000000000000000000000000000000000001",
        "243F6A8885A308D313198A2E03707344A4093822299F31D0082EFA98EC4E6C89",
        "6896BD60EEAE296DB48A229FF71DFE071BDE413E6D43F917DC8DCF8C78DE3341"
        "8906D11AC976ABCCB20B091292BFF4EA897EFCB639EA871CFA95F6DE339E4B0A",
    ),
    2: (
        "C90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B14E5C9",
        "DD308AFEC5777E13121FA72B9CC1B7CC0139715309B086C960E18FD969774EB8",
        "C87AA53824B4D7AE2EB035A2B5BBBCCC080E76CDC6D1692C4B0B62D798E6D906",
        "7E2D58D8B3BCDF1ABADEC7829054F90DDA9805AAB56C77333024B9D0A508B75C",
        "5831AAEED7B44BB74E5EAB94BA9D4294C49BCF2A60728D8B4C200F50DD313C1B"
        "AB745879A5AD954A72C45A91C3A51D3C7ADEA98D82F8481E0E1E03674A6F3FB7",
    ),
    3: (
        "0B432B2677937381AEF05BB02A66ECD012773062CF3FA2549E44F58ED2401710",
        "25D1DFF95105F5253C4022F628A996AD3A0D95FBF21D468A1B33F8C160D8F517",
        "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF",
        "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF",
        "7EB0509757E246F19449885651611CB965ECC1A187DD51B64FDA1EDC9637D5EC"
        "97582B9CB13DB3933705B32BA982AF5AF25FD78881EBB32771FC5922EFC66EA3",
    ),
}
FIELD = "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEFFFFFC2F"
ORDER = "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141"


@pytest.mark.parametrize("index", SIGNED)
def test_signs_as_the_official_vectors_do(index: int) -> None:
    secret, pubkey, noise, message, signature = (bytes.fromhex(text) for text in SIGNED[index])
    key = PrivateKey(secret)
    assert curve.pubkey_of(key) == pubkey.hex()
    assert curve.sign(key, message, noise) == signature
    assert curve.verify(pubkey.hex(), signature, message)


def test_what_the_official_vectors_call_false_does_not_verify() -> None:
    _, pubkey, _, message, signature = SIGNED[1]
    good, said = bytes.fromhex(signature), bytes.fromhex(message)
    outside_the_field = f"{int(FIELD, 16) + 1:064X}"
    false = {
        "the public key is not on the curve": (
            "EEFDEA4CDB677750A420FEE807EACF21EB9898AE79B9768766E4FAA04A2D4A34",
            good,
        ),
        "the public key exceeds the size of the field": (outside_the_field, good),
        "R is the field's size": (pubkey, bytes.fromhex(FIELD) + good[32:]),
        "s is the order of the curve": (pubkey, good[:32] + bytes.fromhex(ORDER)),
        "s is negated": (pubkey, good[:32] + (int(ORDER, 16) - int.from_bytes(good[32:], "big")).to_bytes(32, "big")),
        "R is not an x coordinate on the curve": (
            pubkey,
            bytes.fromhex("4A298DACAE57395A15D0795DDBFD1DCB564DA82B0F269BC70A74F8220429BA1D") + good[32:],
        ),
    }
    assert curve.verify(pubkey, good, said)
    for why, (key, bad) in false.items():
        assert not curve.verify(key, bad, said), why
    assert not curve.verify(pubkey, good, said[:-1] + b"\x00")


@pytest.mark.parametrize("malformed", ["", "xyz", "00" * 31, "00" * 33, " " + "11" * 31 + " ", "ff" * 32])
def test_what_is_no_public_key_verifies_nothing_and_shares_nothing(malformed: str) -> None:
    assert not curve.verify(malformed, bytes(64), bytes(32))
    with pytest.raises(InputError, match="not a public key"):
        curve.shared(PrivateKey((7).to_bytes(32, "big")), malformed)


def test_two_keys_share_one_point() -> None:
    mine, theirs = (PrivateKey(number.to_bytes(32, "big")) for number in (7, 11))
    assert curve.shared(mine, curve.pubkey_of(theirs)) == curve.shared(theirs, curve.pubkey_of(mine))
