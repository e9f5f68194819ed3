"""Methods of video anomaly detection, one per file, with one interface."""

from __future__ import annotations

COMPONENTS: dict[str, dict[str, str]] = {
    "methods": {
        "vadclip": "vadkit.methods.weak.vadclip:VadCLIP",
        "ur-dmu": "vadkit.methods.weak.ur_dmu:URDMU",
        "s3r": "vadkit.methods.weak.s3r:S3R",
        "rtfm": "vadkit.methods.weak.rtfm:RTFM",
        "pel4vad": "vadkit.methods.weak.pel4vad:PEL4VAD",
        "mgfn": "vadkit.methods.weak.mgfn:MGFN",
        "bn-wvad": "vadkit.methods.weak.bn_wvad:BNWVAD",
        "ai-vad": "vadkit.methods.ai_vad:AIVAD",
        "amc": "vadkit.methods.amc:AMC",
        "anopcn": "vadkit.methods.anopcn:AnoPCN",
        "conv-ae": "vadkit.methods.conv_ae:ConvAutoEncoder",
        "conv-lstm-ae": "vadkit.methods.conv_lstm_ae:ConvLSTMAutoEncoder",
        "deep-mil": "vadkit.methods.weak.deep_mil:DeepMil",
        "feature-density": "vadkit.methods.feature_density:FeatureDensity",
        "fusion": "vadkit.methods.fusion.method:Fusion",
        "future-frame": "vadkit.methods.future_frame:FutureFrame",
        "ganomaly": "vadkit.methods.ganomaly:GANomaly",
        "hf2-vad": "vadkit.methods.hf2_vad:HF2VAD",
        "jigsaw": "vadkit.methods.jigsaw:JigsawVAD",
        "memae": "vadkit.methods.memae:MemAE",
        "mnad": "vadkit.methods.mnad:MNAD",
        "motion-field": "vadkit.methods.motion_field.method:MotionField",
        "object-prediction": "vadkit.methods.object_prediction:ObjectPrediction",
        "ocae": "vadkit.methods.ocae:OCAE",
        "place-features": "vadkit.methods.place_features:PlaceFeatures",
        "scene-bank": "vadkit.methods.scene_bank:SceneBank",
        "segment-density": "vadkit.methods.segment_density:SegmentDensity",
        "stae": "vadkit.methods.stae:STAutoEncoder",
        "top-k": "vadkit.methods.weak.top_k:TopK",
        "track-density": "vadkit.methods.track_density:TrackDensity",
        "vec": "vadkit.methods.vec:VEC",
    },
}
