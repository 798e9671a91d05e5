import { BOM_ROWS } from "./boms.js";
import { COMID_ROWS } from "./comids.js";
import { DEVICE_ROWS } from "./devices.js";
import { GPU_ROWS } from "./gpu.js";
import { IDENTITY_ROWS } from "./identity.js";
import { MANIFEST_ROWS } from "./manifests.js";
import { REPORT_ROWS } from "./reports.js";
import type { Exception, Row } from "./row.js";
import { SEV_SNP_ROWS } from "./sev-snp.js";
import { TWIN_ROWS } from "./twins.js";

/** Every file of the shared data of which its README states an outcome. */
export const ROWS: readonly Row[] = [
  ...[...REPORT_ROWS, ...TWIN_ROWS],
  ...[...MANIFEST_ROWS, ...COMID_ROWS],
  ...BOM_ROWS,
  ...[...GPU_ROWS, ...DEVICE_ROWS, ...SEV_SNP_ROWS],
  ...IDENTITY_ROWS,
];

const except = (why: string, ...files: readonly string[]): readonly Exception[] =>
  files.map((file) => ({ file, why }));

/** Every other file. */
export const EXCEPTIONS: readonly Exception[] = [
  ...except(
    "states the outcomes, and is none",
    ...["evidence", "identity", "rim", "sbom", "sfr"].map((folder) => `${folder}/README.md`),
  ),
  ...except(
    "the text of a licence",
    "evidence/concise-evidence/LICENSE",
    "evidence/nvidia-spdm/LICENSE.attestation-sdk",
    "evidence/nvidia-spdm/LICENSE.local_gpu_verifier",
    "evidence/nvidia-spdm/LICENSE.nvtrust",
    "evidence/spdm-emu/LICENSE.md",
    "evidence/tsm/LICENSE",
    "identity/caliptra/LICENSE",
    "rim/corim-cocli/LICENSE",
    "rim/corim-cover/LICENSE",
    "rim/corim-veraison-services/LICENSE",
    "rim/corim-veraison/LICENSE",
    "rim/nvidia-swid/LICENSE.attestation-sdk",
    "rim/nvidia-swid/LICENSE.local_gpu_verifier",
    "rim/nvidia-swid/LICENSE.nvtrust",
    "rim/spdm-emu/LICENSE.md",
    "sbom/cyclonedx/LICENSE.bom-examples",
    "sbom/cyclonedx/LICENSE.specification",
    "sbom/spdx/LICENSE.sbomqs",
    "sbom/spdx/LICENSE.tools-python",
    "sbom/uswid/LICENSE",
    "sfr/LICENSE.OCP-Security-SAFE",
  ),
];
