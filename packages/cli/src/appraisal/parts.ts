import type { Parts } from "@tallystick/appraisal";

/** What brings XML into its canonical form is loaded for manifests in XML alone. */
export const PARTS: Parts = {
  verifySwidRim: async (bytes, options) => {
    const { verifySwidRim } = await import("@tallystick/content/swid-signature");
    return verifySwidRim(bytes, options);
  },
};
