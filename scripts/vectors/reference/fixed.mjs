// Signatures of algorithms that draw random numbers, made once over the payload of sign1.mjs with the
// protected header {1: id, 4: 'vector'}; the private keys are gone.
export const FIXED = {
  ES256: {
    id: -7,
    key: {
      kty: "EC",
      crv: "P-256",
      x: "vCScTo7RTHoTYj4qF0aahs28S4ZLzr-jjRI489fANuw",
      y: "BGEy2nf4Rz29ROp73vzLBway2jhW-PteDi9Z1Eir9j4",
    },
    signature:
      "b2d3bcea97607b14e96a235a07c9cb6f1bfda39dd16a18f074671a55ca5524f321f72f41e1e477fd5d5221a5e199a5225d9bdfed65a137e5f6605088c4f0445d",
  },
  ES384: {
    id: -35,
    key: {
      kty: "EC",
      crv: "P-384",
      x: "3NP7sXx2K9eUZpRBT0NhJIIZDUDyZiGTMHktzb5gZkijXmU-6mB6jmF2Bw3GuRmh",
      y: "tybkbTDTTyKT8IR_g_K701bhezBTP58-kynvWg1aCy4S9db7nQX5qN_NqsRXm_Tr",
    },
    signature:
      "dbcc1331b3f48afd99739739ab57b44c8d28bc6b64fc4243c87cdeee2e6fdb00f8965ad64ad0bbc8c8cdcc525981e2fc549abf16b2416f488e0f0a40e182adb24903674a04c15facbebc090a1522bff82c65fedbb7e348dd991f34288786c385",
  },
  ES512: {
    id: -36,
    key: {
      kty: "EC",
      crv: "P-521",
      x: "AauuE5YQuofKVqXdHT-mchmw63uGeeH4s8nL-I6cheDRHCdc5NG2Nfe34NY1T0CwZy_o4sTDTnqve-A7CxqrHQ-P",
      y: "AHDnr5ko-qdC8exwUo3vzLjti6gRprVv_crH6smIU4Hir9dLqV_l5u5baKMD7jidCefz4RmS-uRV4CyM4jqsPdBU",
    },
    signature:
      "01fe0cb5d4b0d408ea261e68add1f32414bc4e6cc15f9638baad841f3c5b420027b9d28c27edd421c0b61d2916c6a9ce111ad77635518e637b471616e0530f300fdd0025a4dced6aad261f113a63aec89e8fc50d8505d40d6a6fb9100bac0cff8c115aba690b2d585445f34c19f64a4fd724b2f2d88c00cc3fd6f0bbafc3e42151627615",
  },
  ESP256: {
    id: -9,
    key: {
      kty: "EC",
      crv: "P-256",
      x: "9tnwGamj-3Ct4fZAkMZt5T4Ga_FMth5leF1Haf-MJPo",
      y: "RLsGshWr6PIROgidj-SbZP6HGdmTSrzXXFN2JM3H9e8",
    },
    signature:
      "125202de7814217fe387eda3ac01928caa78d0a6736e4fd785590ef1b6ca8ba64827e9da04176567e147476c4f1a516cd6194bf0a5fb2ec093bc152b408d1278",
  },
  PS256: {
    id: -37,
    key: {
      kty: "RSA",
      n: "iYqYGmr40hN6ha16TOiVWmki7p3jwZCNeasoVx4DQDmJTE_gkJdONAGDFMhyB4W7TjSnXFLsVxJQz9OzxZ_uPUehBsOd9TExc6lwRKfz5PdCcKgS4vOxMGMzHnXH7xmEoqhrcQBHp2Wxle37sRH9ILZ8aRA823dmC5WKiVoDNInQkSnBSjankXzgwXXM5T2nBuI3z3Z5jUQ4_ftwmHehsPL8TxCtOH-H25Arahiaza2RQnpUc_LJUseIGtvpZVGa-pYCI-tQ1lgzrei9NemEnXNX7m3RQEoSsLbq7H3mE0KaUbRUbz1njeMB9buSOaT04QrVnlPsQ3V2n4PXQNz9Xw",
      e: "AQAB",
    },
    signature:
      "57cab627ca43a67ae5cdacf1a88d1abb879e8b78ac17c8a72e5057dd02aed847094731366045e9253affbfc67179dc6a25e9b67701ab35664814093994ffb3f06b960578b9365ac6bdad57b284335d0c25695b4e911ddc4205b00d5477fdb88bb20d69f945da3ea05b2320bc61d9dbbecdb448858afe6bd331258079d851134524c7388323148543c09f8cc9f715a8089e6b4dc04a860fbfe4734d1e010f34845546b2be57a9108cf4a1d87e2ae1511152b890f55f14962db5e4e16d06b2d17b8d302ae9e275b17f87e0144c40513b2e21e3f7d6355ffff0f7c802387704a8ec925adafd7156f60f19b5aa633ab728dff8f5ef653041d4e0b955cf005e5b6daa",
  },
};
