/** Version of the service, as in the package's manifest; a test holds the two together. */
export const VERSION = "0.1.0";
