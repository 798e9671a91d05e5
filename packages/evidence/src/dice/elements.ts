import { encodeHex } from "@tallystick/cose";
import type { Certificate } from "@tallystick/statement";

import {
  environmentsOf,
  measurementOf,
  type DeviceClass,
  type ElementKind,
  type EvidenceElement,
} from "../element.js";
import { printable } from "../spdm/block.js";
import { tcbInfosOf, ueidOf, type TcbInfo } from "./tcb-info.js";

/** What certificates of layers say. */
export interface DiceReading {
  readonly elements: readonly EvidenceElement[];
  readonly concerns: readonly string[];
  /** Identifiers of the device, each once, in hex. */
  readonly ueids: readonly string[];
}

/**
 * Yields what the certificates of a chain say of layers.
 *
 * @throws {@link EvidenceError} `EVIDENCE_MALFORMED`
 */
export function readDice(certificates: readonly Certificate[], device: DeviceClass): DiceReading {
  const found = certificates.flatMap((certificate) => {
    const ueid = ueidOf(certificate);
    return tcbInfosOf(certificate).map((info, i) => {
      const name = nameOf(info) ?? `TcbInfo ${i} of ${certificate.label}`;
      return { info, name, element: elementOf(info, name, { device, ueid }) };
    });
  });
  const ueids = certificates.map(ueidOf).filter((ueid) => ueid !== undefined);
  return {
    elements: found.map(({ element }) => element),
    concerns: found.flatMap(({ info, name }) =>
      (info.flags?.concerns ?? []).map((concern) => `${name} ${concern}`),
    ),
    ueids: [...new Set(ueids)],
  };
}

interface Calling {
  readonly device: DeviceClass;
  readonly ueid: string | undefined;
}

function elementOf(info: TcbInfo, name: string, { device, ueid }: Calling): EvidenceElement {
  const type = nameOf(info);
  const environments = environmentsOf(
    {
      classId: info.type === undefined ? device.classId : encodeHex(info.type),
      vendor: info.vendor ?? device.vendor,
      model: info.model ?? device.model,
      layer: info.layer ?? device.layer,
    },
    [
      ...(info.index === undefined ? [] : [["index", String(info.index)] as const]),
      ...(ueid === undefined ? [] : [["instance", `550(h'${ueid}')`] as const]),
    ],
  );
  const keys = type === undefined ? [undefined] : [undefined, JSON.stringify(type)];
  const { svn, version, vendorInfo } = info;
  return {
    name,
    block: undefined,
    kind: kindOf(info),
    places: environments.flatMap((environment) => keys.map((key) => ({ environment, key }))),
    measurement: measurementOf({
      digests: info.fwids.length === 0 ? undefined : info.fwids,
      svn: svn === undefined ? undefined : { value: svn, isMinimum: false },
      version: version === undefined ? undefined : { text: version, scheme: undefined },
      raw: vendorInfo === undefined ? undefined : { value: vendorInfo, mask: undefined },
      flags: info.flags?.flags,
      registers: info.registers,
    }),
  };
}

function nameOf({ type }: TcbInfo): string | undefined {
  return type === undefined ? undefined : (printable(type) ?? encodeHex(type));
}

/** What is not told to be anything else, and has a digest, be it in a register, is firmware. */
function kindOf(info: TcbInfo): ElementKind {
  if (/^(?:DEVICE|FUSE)_INFO$/.test(nameOf(info) ?? "")) return "hardware-config";
  return info.fwids.length === 0 && info.registers === undefined ? "other" : "firmware";
}
